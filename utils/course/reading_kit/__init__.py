"""The reading kit: can a person tell, and how is that scored?"""
