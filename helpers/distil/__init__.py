"""How the compact network is trained: knowledge distillation by hints.

Romero et al., "FitNets: Hints for Thin Deep Nets", 2015 (arXiv:1412.6550): the student, a VGG-19 with a fraction of the
channels, looks at the same picture as the teacher, and an affine projection of each of its layers must reproduce the
teacher's response there. Here also its Gram matrix, for this is what style transfer reads. Three things make it work:

- Batch normalisation between convolution and ReLU keeps channels alive; it is folded into the convolution at the end.
- Photographs and thickly painted pictures are not enough: `looks` makes flat colour, drawing and pattern of them.
- Three pictures in eight are painted by the student itself, stopped between noise and painting. Style transfer
  searches for whatever satisfies the student, so it finds the pictures that only the student thinks are right; there
  the teacher has to correct it.
"""
