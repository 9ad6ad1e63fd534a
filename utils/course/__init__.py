"""The command line, the runner, tables for the reader, museum, reading kit, playground."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    flag_tables="flag_line flag_table",
    museum="Exhibit exhibit_table",
    parameters="refuse_unknown",
    tables=(
        "folded_source gain_table interval_text pair_table prose_table score_table settings "
        "share_table show_source with_interval"
    ),
    trained_models="load_trained save_trained",
    **{
        "network_chapters.attacked": "attack_twin",
        "network_chapters.clean": "open_chapter",
        "network_chapters.defended": "clean_twin defend seeds_of_pairs train_pairs",
        "playground.attack_size": "AttackSize",
        "playground.detector_threshold": "DetectorThreshold",
        "playground.image_scaling": "ImageScaling",
        "playground.patient_leak": "PatientLeak",
        "playground.reading_game": "ReadingGame",
        "playground.widgets": "Choice Slider play slide",
        "reading_kit.agreement": "cohen_kappa fleiss_kappa kappa_of",
        "reading_kit.kit": "kit_of one_per_patient read_pictures score_kit write_kit",
        "reading_kit.readers": "MODEL TRUTH SimulatedReader read_or_simulate",
        "studies.attack_settings": "AttackSettings",
        "studies.cleaned_heads": "CleanedHeads",
        "studies.defended_heads": "DefendedHeads Rows",
        "studies.frozen_readers": "FrozenReaders",
        "studies.poisoned_heads": "PoisonedHeads rate_table",
        "studies.scaling_case": "ScalingCase",
        "studies.token_heads": "TokenHeads frozen_tokens",
    },
)
