"""Data in batches: data sets over arrays, their shuffling and splitting."""

from .datasets import Dataset, Subset, TensorDataset
from .loader import DataLoader, default_collate
from .split import random_split

__all__ = [
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "default_collate",
    "random_split",
]
