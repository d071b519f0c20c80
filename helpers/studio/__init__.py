"""The live studio; its file studio.py is where to begin."""

from helpers.studio.studio import Studio as Studio
