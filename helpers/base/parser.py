"""The command line's parser, for every command alike."""

import argparse

from helpers.base.errors import TeachingError


class Parser(argparse.ArgumentParser):
    """Answers a wrong option with a TeachingError of one line."""

    def error(self, message: str) -> None:
        raise TeachingError(f"{message} (`{self.prog} --help` lists the options)")
