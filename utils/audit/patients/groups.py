"""Which images of a folder belong to one patient, and where this is known from."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from utils.audit.patients.file_names import MIN_SHARED, likeness, shared_parts
from utils.data.components import joined_groups
from utils.data.file_facts import name_patients, studies_of
from utils.data.formats.table import PROPOSALS
from utils.data.neighbours import grey_squares, pixel_hashes
from utils.data.patients.links import Links, patient_links
from utils.evaluation.intervals import Interval

if TYPE_CHECKING:
    from utils.data.patients.recovery import RecoveredPatients

MIN_FOLDER_IMAGES = 50  # fewer images do not show what is usual
MAX_PATIENT_SHARE = 0.2  # of all images: a larger group is a chain of several patients
MIN_MARGIN = 0.05  # how far the threshold may move before a patient is split or merged
FAR_LARGER = 10  # times the median of all groups of several images: no patient like the others


class PatientGroups:
    """The patients of a folder: given with it, else proposed from file names if the images agree,
    else recovered from pixels where these show them."""

    facts: pd.DataFrame  # a row per image; `patient` is empty where it is not given
    pixels: np.ndarray
    pixel_groups: np.ndarray  # a number for each image, equal for identical pixels
    patients_from: str  # column, catalogue, name or pixels; empty if the files themselves tell

    @property
    def has_patients(self) -> bool:
        return name_patients(self.facts["patient"].to_numpy())

    @cached_property
    def links(self) -> Links:
        return patient_links(self.pixels)

    @cached_property
    def recovered(self) -> RecoveredPatients:
        from utils.data.patients.recovery import link_patients  # here: the tree is from scipy

        return link_patients(self.links)

    @cached_property
    def groups(self) -> np.ndarray:
        """Patients as given or by file names; else as recovered from pixels; else copies. Images of
        one DICOM study are of one patient."""
        if self.has_patients or self.names_show_patients:
            alike = pd.factorize(np.array(pixel_hashes(grey_squares(self.pixels))))[0]
            groups = joined_groups(pd.factorize(self.patient_names)[0], alike)
        else:
            groups = self.recovered.members if self.has_patient_signal else self.pixel_groups
        alone = np.arange(len(self)).astype(str)
        studies = np.where(self.studies == "", alone, self.studies)
        return joined_groups(groups, pd.factorize(studies)[0])

    @cached_property
    def studies(self) -> np.ndarray:
        """The DICOM study of each image, or its series; "" where the file names neither."""
        return studies_of(self.facts)

    @property
    def are_proposed(self) -> bool:
        """Whether the patients were proposed by an earlier audit, and are no knowledge."""
        return any(word in PROPOSALS for word in self.patients_from.split(" and "))

    @property
    def patient_names(self) -> np.ndarray:
        """The name of the patient of each image; empty if patients cannot be separated."""
        if self.has_patients:
            return self.facts["patient"].to_numpy()
        if self.names_show_patients:
            return self.name_parts
        numbers = self.recovered.members.tolist() if self.has_patient_signal else []
        return np.array([f"group {number}" for number in numbers], dtype=object)

    @property
    def patient_sources(self) -> np.ndarray:
        """Where the patient of each image is from: column, catalogue, DICOM, file, name, pixels."""
        if not self.has_patients:
            return np.full(len(self), "name" if self.names_show_patients else "pixels")
        own = np.where(self.facts["format"] == "DICOM", "DICOM", "file")
        return np.full(len(self), self.patients_from) if self.patients_from else own

    @cached_property
    def name_parts(self) -> np.ndarray:
        """The part of each file name that may name a patient; the whole path if none does."""
        files = self.facts["file"].to_numpy(dtype=object)
        parts = shared_parts(files)
        return np.where(parts == "", files, parts)

    @cached_property
    def names_group_images(self) -> bool:
        """Whether many files share a part of their name with others."""
        shared = pd.Series(self.name_parts).duplicated(keep=False).mean()
        return len(self) >= MIN_FOLDER_IMAGES and shared >= MIN_SHARED

    @cached_property
    def name_likeness(self) -> Interval:
        """How often an image is closer to one that shares its part of the name than to another."""
        return likeness(
            self.pixels, self.facts["label"].to_numpy(), self.name_parts, self.pixel_groups
        )

    @cached_property
    def names_show_patients(self) -> bool:
        """Whether names group the images, and images of a group are more alike than others."""
        return not self.has_patients and self.names_group_images and self.name_likeness.low > 0.5

    @property
    def are_sure(self) -> np.ndarray:
        """Whether the patient of each image can be relied on: no group that is far larger than the
        rest; of proposed ones none that spans classes, or would change with the threshold."""
        groups = self.facts.assign(patient=self.patient_names).groupby("patient")["label"]
        sizes = groups.transform("size").to_numpy()
        several = groups.size()[lambda size: size > 1]
        sure = sizes <= FAR_LARGER * (several.median() if len(several) else 1)
        if not self.has_patients or self.are_proposed:
            sure &= groups.transform("nunique").to_numpy() == 1
        if not self.has_patients and not self.names_show_patients:
            sure &= self.recovered.margins[self.recovered.members] >= MIN_MARGIN
        return sure

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
        if self.names_show_patients:
            return "patients as proposed from file names"
        if self.has_patient_signal:
            return "patients as recovered from pixels"
        if self.studies.any():
            return "DICOM studies, else different images (their patients are unknown)"
        return "different images (their patients are unknown and cannot be recovered)"

    @property
    def knows_patients(self) -> bool:
        """Whether images can be counted by patient; otherwise no p-value is worth printing."""
        return self.has_patients or self.names_show_patients or self.has_patient_signal
