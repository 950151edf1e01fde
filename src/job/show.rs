//! A resolved job as TOML, each value with where it came from: what `segmint run --show-job` prints. Read back, from
//! any folder, it gives the same job.

use std::path::Path;

use std::fmt::Write;

use super::feature;
use super::read::show_bytes;
use super::resolve::Resolved;
use super::setting::SETTINGS;
use super::{
    Criterion, DeviceChoice, DuplicateIds, Feature, LabelColumns, Missing, Restarts, SilhouetteRows, Transform,
};

/// Room for a key and its value in front of the comment; longer ones push it to the right.
const COMMENT_WIDTH: usize = 39;

/// The job as a job file.
pub fn show(resolved: &Resolved) -> String {
    let mut page = Page { resolved, text: String::new() };
    page.text
        .push_str("# Each value with where it came from. Flags beat SEGMINT_* variables, which beat the job file.\n");
    let mut section = "";
    for setting in &SETTINGS {
        if setting.name == "feature" {
            page.features();
            continue;
        }
        if setting.section() != section {
            section = setting.section();
            let _ = write!(page.text, "\n[{section}]\n");
        }
        page.line(setting.key(), setting.name, value(resolved, setting.name));
    }
    page.text
}

struct Page<'a> {
    resolved: &'a Resolved,
    text: String,
}

impl Page<'_> {
    /// `key = value  # origin`, or a comment where nothing is set.
    fn line(&mut self, key: &str, name: &str, value: Option<String>) {
        let origin = self.resolved.origins.get(name).map_or("default".to_owned(), ToString::to_string);
        let Some(value) = value else {
            let _ = writeln!(self.text, "# {key} is not set");
            return;
        };
        let line = format!("{key} = {value}");
        // A file's name may hold anything; a comment ends with its line.
        let origin: String = origin.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let _ = writeln!(self.text, "{line:<COMMENT_WIDTH$} # {origin}");
    }

    fn features(&mut self) {
        let resolved = self.resolved;
        if resolved.job.features.is_empty() {
            self.text.push_str("\n# no [[feature]]: every numeric column but the id and the sample weight\n");
        }
        for (index, feature) in resolved.job.features.iter().enumerate() {
            self.text.push_str("\n[[feature]]\n");
            for (key, value) in feature_values(feature) {
                self.line(key, &format!("feature.{index}.{key}"), Some(value));
            }
        }
    }
}

fn feature_values(feature: &Feature) -> Vec<(&'static str, String)> {
    let mut values =
        vec![("column", quoted(&feature.column)), ("transform", quoted(feature::transform_word(feature.transform)))];
    if let Transform::Clip { low, high } = feature.transform {
        values.push(("low", number(low)));
        values.push(("high", number(high)));
    }
    values.push(("weight", number(feature.weight)));
    values.push(("scale", quoted(feature::scale_word(feature.scale))));
    let missing = match (feature.missing, feature::missing_word(feature.missing)) {
        (_, Some(word)) => quoted(word),
        (Missing::Number(value), None) => number(value),
        (_, None) => quoted("error"),
    };
    values.push(("missing", missing));
    values
}

/// The value of a setting as TOML; None where it is not set.
fn value(resolved: &Resolved, name: &str) -> Option<String> {
    let job = &resolved.job;
    Some(match name {
        "source.path" => quoted(&job.source.path),
        "source.id" => quoted(job.source.id.as_deref()?),
        "source.sample_weight" => quoted(job.source.sample_weight.as_deref()?),
        "source.duplicate_ids" => quoted(match job.source.duplicate_ids {
            DuplicateIds::Refuse => "error",
            DuplicateIds::Keep => "keep",
        }),
        "cluster.label_columns" => quoted(match job.selection.label_columns {
            LabelColumns::Refuse => "error",
            LabelColumns::Keep => "keep",
        }),
        "cluster.k" => match job.cluster.k.clone().into_inner() {
            (from, to) if from == to => from.to_string(),
            _ => quoted("auto"),
        },
        "cluster.k_range" => format!("[{}, {}]", job.cluster.k.start(), job.cluster.k.end()),
        "cluster.criterion" => quoted(match job.selection.criterion {
            Criterion::Consensus => "consensus",
            Criterion::DaviesBouldin => "davies-bouldin",
            Criterion::Silhouette => "silhouette",
            Criterion::CalinskiHarabasz => "calinski-harabasz",
            Criterion::Gap => "gap",
            Criterion::Elbow => "elbow",
        }),
        "cluster.n_init" => job.cluster.n_init.to_string(),
        "cluster.max_iter" => job.cluster.max_iter.to_string(),
        "cluster.tol" => number(job.cluster.tol),
        "cluster.seed" => job.cluster.seed.to_string(),
        "cluster.restarts" => quoted(match job.cluster.restarts {
            Restarts::Race => "race",
            Restarts::Full => "full",
        }),
        "cluster.min_size" => number(job.selection.min_size),
        "cluster.stability" => job.selection.stability.to_string(),
        "cluster.silhouette" => quoted(match job.selection.silhouette {
            SilhouetteRows::Auto => "auto",
            SilhouetteRows::All => "all",
            SilhouetteRows::Sample => "sample",
            SilhouetteRows::None => "none",
        }),
        "cluster.start" => quoted(&job.selection.start.as_deref()?.to_string_lossy()),
        "engine.device" => quoted(match &job.engine.device {
            DeviceChoice::Auto => "auto",
            DeviceChoice::Cpu => "cpu",
            DeviceChoice::Gpu => "gpu",
            DeviceChoice::Named(name) => name,
        }),
        "engine.memory" => quoted(&show_bytes(job.engine.memory)),
        "engine.threads" => job.engine.threads.to_string(),
        "engine.chunk_rows" => job.engine.chunk_rows.to_string(),
        "engine.spill" => quoted(&job.engine.spill.to_string_lossy()),
        "engine.cache" => quoted(&job.engine.cache.as_deref().map_or("off".into(), Path::to_string_lossy)),
        "engine.tune" => quoted(if job.engine.tune { "auto" } else { "off" }),
        "persona.playbook" => quoted(&job.persona.playbook),
        "persona.value" => quoted(job.persona.value.as_deref()?),
        "persona.roles" => table(&job.persona.roles),
        "profile.columns" => list(&job.profile.columns),
        "profile.mix" => {
            let mixes = job.profile.mix.iter();
            let shown = mixes
                .map(|mix| format!("{{ name = {}, columns = {} }}", quoted(&mix.name), list(&mix.columns)))
                .collect::<Vec<_>>();
            format!("[{}]", shown.join(", "))
        }
        "profile.currency" => quoted(job.profile.currency.as_deref()?),
        "profile.units" => table(&job.profile.units),
        "profile.smallest_group" => job.profile.smallest_group.to_string(),
        "output.path" => quoted(&job.output.path.to_string_lossy()),
        "output.overwrite" => job.output.overwrite.to_string(),
        _ => return None,
    })
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

fn table(pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return "{}".to_owned();
    }
    let pair = |(left, right): &(String, String)| format!("{} = {}", quoted(left), quoted(right));
    format!("{{ {} }}", pairs.iter().map(pair).collect::<Vec<_>>().join(", "))
}

/// A text as TOML writes it, with every quote and control character escaped.
pub fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

/// A TOML float that reads back to the same bits.
fn number(value: f64) -> String {
    toml::Value::Float(value).to_string()
}
