"""The live studio; start reading at studio.py."""

from helpers.studio.studio import Studio as Studio
