"""Neural style transfer, one idea per file; read the files in the order of the notebooks.

images (01), vgg (02), losses (03), transfer (04). Importing this package imports none of them, so that
`python3 -m helpers` can start before torch is installed.
"""
