"""The bidirectional LSTM over word vectors: fitted by Keras, written as an ONNX graph."""
