"""Networks for other tools: ONNX and further formats."""
