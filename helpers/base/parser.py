"""The command line's parser, for every command alike."""

import argparse

from helpers.base.errors import TeachingError


class Parser(argparse.ArgumentParser):
    """Raises a TeachingError of one line for a wrong option, where argparse would exit."""

    def error(self, message: str) -> None:
        raise TeachingError(f"{message} (`{self.prog} --help` lists the options)")
