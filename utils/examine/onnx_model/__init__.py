"""Models from ONNX files: onnxruntime answers, and a copy in torch gives the gradients."""
