"""What the searches of the chapters try: each objective is one question to a study."""
