"""How `treadle.graph` turns Python into a graph document: recording of functions, and CEL text.

What is not here: any rule of a graph. The server owns those, and checks the document when it is
deployed.
"""
