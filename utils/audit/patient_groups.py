"""Which images of a folder belong to one patient, and where this is known from."""

from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from utils.data.duplicates import merge_duplicates
from utils.data.formats.table import PROPOSALS
from utils.data.patient_recovery import Links, RecoveredPatients, link_patients, patient_links

MIN_FOLDER_IMAGES = 50  # fewer images do not show what is usual
MAX_PATIENT_SHARE = 0.2  # of all images: a larger group is a chain of several patients


class PatientGroups:
    """The patients of a folder: given with it, or recovered from pixels where these show them."""

    facts: pd.DataFrame  # a row per image; `patient` is empty where it is not given
    images: Tensor
    pixel_groups: np.ndarray  # a number for each image, equal for identical pixels
    patients_from: str  # column, catalogue, name or pixels; empty if the files themselves tell

    @property
    def has_patients(self) -> bool:
        """Whether every image has a patient name; one name for most images does not count."""
        names = self.facts["patient"]
        return bool((names != "").all()) and names.value_counts().iloc[0] <= len(self) / 2

    @cached_property
    def links(self) -> Links:
        return patient_links(self.images)

    @cached_property
    def recovered(self) -> RecoveredPatients:
        return link_patients(self.links)

    @cached_property
    def groups(self) -> np.ndarray:
        """Patients by name; otherwise as recovered from pixels; otherwise identical images."""
        if self.has_patients:
            known = torch.from_numpy(pd.factorize(self.facts["patient"])[0])
            return merge_duplicates(self.images, known).numpy()
        return self.recovered.groups.numpy() if self.has_patient_signal else self.pixel_groups

    @property
    def are_proposed(self) -> bool:
        """Whether the patients were proposed by an earlier audit, and are no knowledge."""
        return any(word in PROPOSALS for word in self.patients_from.split(" and "))

    @property
    def patient_names(self) -> np.ndarray:
        """The name of the patient of each image; empty if patients cannot be separated."""
        if self.has_patients:
            return self.facts["patient"].to_numpy()
        numbers = self.recovered.groups.tolist() if self.has_patient_signal else []
        return np.array([f"group {number}" for number in numbers], dtype=object)

    @property
    def patient_sources(self) -> np.ndarray:
        """Where the patient of each image is from: column, catalogue, DICOM, file, name, pixels."""
        if not self.has_patients:
            return np.full(len(self), "pixels")
        own = np.where(self.facts["format"] == "DICOM", "DICOM", "file")
        return np.full(len(self), self.patients_from) if self.patients_from else own

    @cached_property
    def has_patient_signal(self) -> bool:
        """Whether pixels separate patients, instead of linking most images in one chain."""
        most = max(2, MAX_PATIENT_SHARE * len(self))
        return self.pixels_show_patients and self.recovered.sizes.max() <= most

    @property
    def pixels_show_patients(self) -> bool:
        """Whether two images of one patient can be recognised, as slices can and X-rays cannot."""
        return len(self) >= MIN_FOLDER_IMAGES and self.recovered.has_valley

    @property
    def group_description(self) -> str:
        """What the groups are, in words: no report may claim more."""
        if self.has_patients and self.are_proposed:
            return f"patients as an earlier audit proposed them from {self.patients_from}"
        if self.has_patients:
            return "patients"
        if self.has_patient_signal:
            return "patients as recovered from pixels"
        return "different images (their patients are unknown and cannot be recovered)"

    @property
    def knows_patients(self) -> bool:
        """Whether images can be counted by patient; otherwise no p-value is worth printing."""
        return self.has_patients or self.has_patient_signal
