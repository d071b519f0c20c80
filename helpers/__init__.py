"""Neural style transfer. A lesson's idea is a file at the top, to be read in the order of the notebooks:

images (01), vgg (02), losses (03), transfer (04), colours (06). What else they take has a folder of its own.
Imports go one way:

    base <- engine <- images <- colours <- vgg <- losses <- transfer <- plots <- runs <- distil <- teaching
    <- exercises <- studio, commands

Each may import what stands to its left (tests/test_imports.py). This package imports nothing, so that
`python3 -m helpers` can start before torch is installed.
"""
