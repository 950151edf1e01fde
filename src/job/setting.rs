//! The settings a job has, each with its place in the job file, its flag and its environment variable: the one list
//! that parsing, resolving, showing and the command line agree on. Beside it, the words that are refused by name
//! because segmint does not have them yet, and the search for the nearest right spelling.

/// One setting and the three places it can be given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// "section.key" of the job file; "feature" for the list of `[[feature]]` tables.
    pub name: &'static str,
    pub flag: &'static str,
    pub variable: &'static str,
}

impl Setting {
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(section, _)| section)
    }

    pub fn key(&self) -> &'static str {
        key_of(self.name)
    }
}

const fn setting(name: &'static str, flag: &'static str, variable: &'static str) -> Setting {
    Setting { name, flag, variable }
}

/// Every setting, in the order in which a job is shown.
pub const SETTINGS: [Setting; 35] = [
    setting("source.path", "DATA", "SEGMINT_DATA"),
    setting("source.id", "--id", "SEGMINT_ID"),
    setting("source.sample_weight", "--sample-weight", "SEGMINT_SAMPLE_WEIGHT"),
    setting("source.duplicate_ids", "--duplicate-ids", "SEGMINT_DUPLICATE_IDS"),
    setting("feature", "--features", "SEGMINT_FEATURES"),
    setting("cluster.k", "--k", "SEGMINT_K"),
    setting("cluster.k_range", "--k-range", "SEGMINT_K_RANGE"),
    setting("cluster.criterion", "--criterion", "SEGMINT_CRITERION"),
    setting("cluster.n_init", "--n-init", "SEGMINT_N_INIT"),
    setting("cluster.max_iter", "--max-iter", "SEGMINT_MAX_ITER"),
    setting("cluster.tol", "--tol", "SEGMINT_TOL"),
    setting("cluster.seed", "--seed", "SEGMINT_SEED"),
    setting("cluster.restarts", "--restarts", "SEGMINT_RESTARTS"),
    setting("cluster.min_size", "--min-size", "SEGMINT_MIN_SIZE"),
    setting("cluster.stability", "--stability", "SEGMINT_STABILITY"),
    setting("cluster.silhouette", "--silhouette", "SEGMINT_SILHOUETTE"),
    setting("cluster.start", "--start", "SEGMINT_START"),
    setting("cluster.label_columns", "--label-columns", "SEGMINT_LABEL_COLUMNS"),
    setting("engine.device", "--device", "SEGMINT_DEVICE"),
    setting("engine.memory", "--memory", "SEGMINT_MEMORY"),
    setting("engine.threads", "--threads", "SEGMINT_THREADS"),
    setting("engine.chunk_rows", "--chunk-rows", "SEGMINT_CHUNK_ROWS"),
    setting("engine.spill", "--spill", "SEGMINT_SPILL"),
    setting("engine.cache", "--cache", "SEGMINT_CACHE"),
    setting("engine.tune", "--tune", "SEGMINT_TUNE"),
    setting("persona.playbook", "--playbook", "SEGMINT_PLAYBOOK"),
    setting("persona.value", "--value", "SEGMINT_VALUE"),
    setting("persona.roles", "--role", "SEGMINT_ROLES"),
    setting("profile.columns", "--profile", "SEGMINT_PROFILE"),
    setting("profile.mix", "--mix", "SEGMINT_MIX"),
    setting("profile.currency", "--currency", "SEGMINT_CURRENCY"),
    setting("profile.units", "--units", "SEGMINT_UNITS"),
    setting("profile.smallest_group", "--smallest-group", "SEGMINT_SMALLEST_GROUP"),
    setting("output.path", "--out", "SEGMINT_OUT"),
    setting("output.overwrite", "--overwrite", "SEGMINT_OVERWRITE"),
];

/// The keys of one `[[feature]]` table.
pub(super) const FEATURE_KEYS: [&str; 7] = ["column", "transform", "low", "high", "weight", "scale", "missing"];

/// The keys of one mix.
pub(super) const MIX_KEYS: [&str; 2] = ["name", "columns"];

/// Playbooks that come with segmint. Anything else is a path.
pub const PLAYBOOKS: [&str; 5] = ["rfm", "behaviour", "lifecycle", "household", "value-tiers"];

/// Words of the job file that have a meaning in segmint's plan but no code behind them. They are refused by name, so
/// that nobody believes that they did something: (section or "section.key", what to do instead).
const NOT_YET: [(&str, &str); 2] =
    [("recipe", "give a table with one row per customer"), ("join", "give one table that holds all columns already")];

/// What other tools call our keys.
const OTHER_WORDS: [(&str, &str); 7] = [
    ("n_clusters", "k"),
    ("clusters", "k"),
    ("random_state", "seed"),
    ("max_iterations", "max_iter"),
    ("tolerance", "tol"),
    ("weights", "sample_weight"),
    ("data", "path"),
];

/// Looks a setting up by its name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// Advice for a word that is not built yet, by section or "section.key".
pub(super) fn not_yet(name: &str) -> Option<&'static str> {
    NOT_YET.iter().find(|(word, _)| *word == name).map(|(_, advice)| *advice)
}

/// The part of a setting's name behind the dot.
pub(super) fn key_of(name: &'static str) -> &'static str {
    name.split_once('.').map_or(name, |(_, key)| key)
}

/// The candidate that `word` most likely meant, if any is near: what other tools call it, the same letters in another
/// case or with other separators, or a few slips of the finger away.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' ', '.'], "_");
    let word = plain(word);
    let meant = OTHER_WORDS.iter().find(|(other, _)| *other == word).map(|(_, ours)| *ours);
    let slips_max = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let slips = match meant {
                Some(ours) if ours == candidate => 0,
                _ => strsim::damerau_levenshtein(&word, &plain(candidate)),
            };
            (slips <= slips_max).then_some((slips, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_variables_follow_from_the_key_unless_the_key_alone_would_not_be_understood() {
        let exceptions = ["source.path", "feature", "persona.roles", "profile.columns", "output.path"];
        for setting in SETTINGS.iter().filter(|setting| !exceptions.contains(&setting.name)) {
            assert_eq!(setting.flag, format!("--{}", setting.key().replace('_', "-")));
            assert_eq!(setting.variable, format!("SEGMINT_{}", setting.key().to_uppercase()));
        }
    }

    #[test]
    fn the_nearest_spelling_is_found_by_slips_case_separators_and_other_tools_words() {
        let keys = ["k", "n_init", "max_iter", "tol", "seed"];
        assert_eq!(nearest("n_inti", keys), Some("n_init"));
        assert_eq!(nearest("Max-Iter", keys), Some("max_iter"));
        assert_eq!(nearest("random_state", keys), Some("seed"));
        assert_eq!(nearest("n_clusters", keys), Some("k"));
        assert_eq!(nearest("playbook", keys), None);
    }
}
