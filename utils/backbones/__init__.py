"""The classifiers: a catalogue of networks, their weights, and one interface for all."""

from utils import exports

# What can be imported from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    catalogue="BACKBONES",
    classifier="Classifier build network_size",
    row_reader="RowReader",
)
