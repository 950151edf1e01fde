//! Stands in front of an engine and believes nothing: every pass must account for every row, bit for bit. Where a device
//! fails or is wrong, the pass is done again on the CPU and the device is retired for the run; the result is the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Assignment, Counters, Device, DeviceKind, Engine, Row};
use crate::error::{Error, Kind, Result};
use crate::grid::{Centroids, Matrix, Sums};
use crate::observe::{Event, Observe};

/// Makes the engine that takes over. Called at most once.
pub type Spare = Box<dyn FnOnce() -> Box<dyn Engine> + Send>;

/// An engine that is checked, and replaced when it fails.
pub struct Guard {
    active: Box<dyn Engine>,
    spare: Option<Spare>,
    /// What the retired engine had counted.
    retired: Counters,
    matrix: Option<Arc<Matrix>>,
    /// The last pass of each model.
    seen: BTreeMap<u32, Seen>,
    observe: Observe,
}

/// What a pass said of a model: later answers must agree with it.
#[derive(Debug, Clone)]
struct Seen {
    centroids: Centroids,
    inertia: i128,
    rows: Vec<u64>,
}

impl Guard {
    /// Without a spare, a fault of the device ends the run.
    pub fn new(active: Box<dyn Engine>, spare: Option<Spare>, observe: Observe) -> Self {
        Self { active, spare, retired: Counters::default(), matrix: None, seen: BTreeMap::new(), observe }
    }

    /// Does the work on the engine there is; after a fault of its device, once more on the spare.
    fn attempt<T>(&mut self, work: impl Fn(&mut dyn Engine) -> Result<T>) -> Result<T> {
        let done = work(&mut *self.active);
        self.check()?;
        let fault = match done {
            Err(error) if error.kind() == Kind::DeviceFault => error,
            done => return done,
        };
        let Some(spare) = self.spare.take() else { return Err(fault) };
        let retired = std::mem::replace(&mut self.active, spare());
        self.retired = sum(self.retired, retired.counters());
        self.observe.event(Event::Fallback { device: name(retired.device()), reason: fault.to_string() });
        drop(retired);
        if let Some(matrix) = &self.matrix {
            self.active.load(matrix.clone())?;
        }
        let done = work(&mut *self.active);
        self.check()?;
        done
    }

    /// Panels that were not read as they were written make every answer worthless, and no device is to blame.
    fn check(&self) -> Result<()> {
        self.matrix.as_ref().map_or(Ok(()), |matrix| matrix.check())
    }

    fn matrix(&self) -> Result<Arc<Matrix>> {
        self.matrix.clone().ok_or_else(|| Error::bug("an engine was asked before a matrix was loaded"))
    }
}

impl Engine for Guard {
    fn device(&self) -> &Device {
        self.active.device()
    }

    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
        self.matrix = None;
        self.seen.clear();
        self.attempt(|engine| engine.load(matrix.clone()))?;
        self.matrix = Some(matrix);
        Ok(())
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let matrix = self.matrix()?;
        let squares = matrix.facts().squares;
        let seen = std::mem::take(&mut self.seen);
        let all = self.attempt(|engine| {
            let all = engine.step(models)?;
            if all.len() != models.len() || !all.iter().zip(models).all(|(sums, model)| accounts(sums, model, &matrix))
            {
                engine.blame();
                return Err(wrong(engine, "a pass does not account for every row"));
            }
            let inertias: Vec<i128> =
                all.iter().zip(models).map(|(sums, model)| model.inertia(squares, sums)).collect();
            let rises = |(inertia, model): (&i128, &Centroids)| {
                let before = seen.get(&model.model).filter(|before| before.centroids.generation < model.generation);
                before.is_some_and(|before| *inertia > before.inertia)
            };
            if inertias.iter().zip(models).any(rises) {
                engine.blame();
                return Err(wrong(
                    engine,
                    "inertia rose from one pass to the next, so rows were added to wrong clusters",
                ));
            }
            Ok((all, inertias))
        });
        self.seen = seen;
        let (all, inertias) = all?;
        for ((sums, model), inertia) in all.iter().zip(models).zip(inertias) {
            let (centroids, rows) = (model.clone(), sums.rows.clone());
            self.seen.insert(model.model, Seen { centroids, inertia, rows });
        }
        Ok(all)
    }

    fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
        let matrix = self.matrix()?;
        let sizes = self.seen.get(&model.model).filter(|seen| seen.centroids == *model).map(|seen| seen.rows.clone());
        self.attempt(|engine| {
            let assignment = engine.assign(model)?;
            if !names_clusters(&assignment, model, &matrix) {
                return Err(wrong(engine, "an assignment names clusters that cannot be"));
            }
            if sizes.as_ref().is_some_and(|sizes| *sizes != cluster_sizes(&assignment, model)) {
                return Err(wrong(engine, "an assignment disagrees with the pass before it"));
            }
            Ok(assignment)
        })
    }

    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        self.attempt(|engine| engine.farthest(model, n))
    }

    fn counters(&self) -> Counters {
        sum(self.retired, self.active.counters())
    }

    fn variant(&self) -> Option<&'static str> {
        self.active.variant()
    }

    fn blame(&mut self) {
        self.active.blame();
    }

    fn is_settled(&self) -> bool {
        self.active.is_settled()
    }
}

/// Every row is counted once, every weight, every coordinate.
fn accounts(sums: &Sums, model: &Centroids, matrix: &Matrix) -> bool {
    let (k, d) = (model.n_clusters(), model.n_features());
    if sums.rows.len() != k || sums.weights.len() != k || sums.sums.len() != k * d || d != matrix.n_features() {
        return false;
    }
    let rows: u128 = sums.rows.iter().map(|&rows| u128::from(rows)).sum();
    let weight: u128 = sums.weights.iter().map(|&weight| u128::from(weight)).sum();
    // Wrapping: a broken device may return anything.
    let column = |feature: usize| sums.sums[feature..].iter().step_by(d).fold(0i128, |a, &b| a.wrapping_add(b));
    let facts = matrix.facts();
    rows == matrix.n_rows() as u128
        && weight == u128::from(facts.weight)
        && facts.columns.iter().enumerate().all(|(feature, &total)| column(feature) == total)
}

/// One label and one other runner-up per row, both of the model.
fn names_clusters(assignment: &Assignment, model: &Centroids, matrix: &Matrix) -> bool {
    let k = model.n_clusters();
    let possible = |(&label, &runner_up): (&u16, &u16)| {
        usize::from(label) < k && usize::from(runner_up) < k && (label != runner_up || k == 1)
    };
    assignment.labels.len() == matrix.n_rows()
        && assignment.runners_up.len() == matrix.n_rows()
        && assignment.labels.iter().zip(&assignment.runners_up).all(possible)
}

fn cluster_sizes(assignment: &Assignment, model: &Centroids) -> Vec<u64> {
    let mut rows = vec![0; model.n_clusters()];
    assignment.labels.iter().for_each(|&label| rows[usize::from(label)] += 1);
    rows
}

/// What a broken promise is depends on who broke it.
fn wrong(engine: &dyn Engine, what: &str) -> Error {
    match engine.device().kind {
        DeviceKind::Cpu => Error::bug(format!("{what}, on the CPU")),
        _ => Error::device(format!("the GPU {} is wrong: {what}", name(engine.device())))
            .hint("`--device cpu` gives a correct result; `segmint devices --self-test` looks for driver faults"),
    }
}

/// "name (backend)"; the CPU needs no backend.
pub(super) fn name(device: &Device) -> String {
    match device.kind {
        DeviceKind::Cpu => format!("CPU ({})", device.name),
        _ => format!("{} ({})", device.name, device.backend),
    }
}

fn sum(a: Counters, b: Counters) -> Counters {
    Counters {
        model_passes: a.model_passes + b.model_passes,
        near_ties: a.near_ties + b.near_ties,
        wide_rows: a.wide_rows + b.wide_rows,
        passed_over: a.passed_over + b.passed_over,
        dispatches: a.dispatches + b.dispatches,
        submits: a.submits + b.submits,
        bytes_uploaded: a.bytes_uploaded + b.bytes_uploaded,
        staging_bytes: a.staging_bytes.max(b.staging_bytes),
        device_nanoseconds: a.device_nanoseconds + b.device_nanoseconds,
        readbacks: a.readbacks + b.readbacks,
        bytes_read_back: a.bytes_read_back + b.bytes_read_back,
        matrix_bytes_read: a.matrix_bytes_read + b.matrix_bytes_read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::CpuEngine;

    /// Counts one row too many, on a device of some kind.
    struct Wrong(Device, CpuEngine);

    impl Engine for Wrong {
        fn device(&self) -> &Device {
            &self.0
        }
        fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
            self.1.load(matrix)
        }
        fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
            let mut all = self.1.step(models)?;
            all[0].rows[0] += 1;
            Ok(all)
        }
        fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
            let mut assignment = self.1.assign(model)?;
            assignment.labels[0] = model.n_clusters() as u16;
            Ok(assignment)
        }
        fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
            self.1.farthest(model, n)
        }
        fn counters(&self) -> Counters {
            self.1.counters()
        }
    }

    fn wrong(kind: DeviceKind) -> Box<dyn Engine> {
        let device = Device { name: "wrong".into(), kind, driver: String::new(), backend: "none".into() };
        Box::new(Wrong(device, CpuEngine::new(1, None)))
    }

    fn data() -> (Arc<Matrix>, Centroids) {
        let rows: Vec<Vec<i64>> = (0..100).map(|row| vec![row, -row]).collect();
        (Arc::new(Matrix::from_rows(2, &rows, None, (0..100).collect())), Centroids::new(0, 0, 2, vec![0, 0, 50, -50]))
    }

    #[test]
    fn a_wrong_device_is_retired_once_and_the_answer_is_the_cpus() {
        let events = Arc::new(std::sync::Mutex::new(Vec::new()));
        let kept = events.clone();
        let observe = Observe::default().listen(move |event| kept.lock().unwrap().push(event.clone()));
        let spare: Spare = Box::new(|| Box::new(CpuEngine::new(1, None)));
        let mut guard = Guard::new(wrong(DeviceKind::DiscreteGpu), Some(spare), observe);
        let (matrix, model) = data();
        guard.load(matrix.clone()).unwrap();
        let mut cpu = CpuEngine::new(1, None);
        cpu.load(matrix).unwrap();
        for _ in 0..2 {
            let models = std::slice::from_ref(&model);
            assert_eq!(guard.step(models).unwrap(), cpu.step(models).unwrap());
        }
        assert_eq!(guard.assign(&model).unwrap(), cpu.assign(&model).unwrap());
        assert_eq!(guard.device().kind, DeviceKind::Cpu);
        assert_eq!(guard.counters().model_passes, cpu.counters().model_passes + 1, "the retired device's pass counts");
        let events = events.lock().unwrap();
        let [Event::Fallback { device, reason }] = &events[..] else { panic!("{events:?}") };
        assert!(device == "wrong (none)" && reason.contains("does not account for every row"), "{reason}");
    }

    #[test]
    fn without_a_spare_a_wrong_device_is_its_own_fault_and_a_wrong_cpu_is_ours() {
        for (kind, expected) in [(DeviceKind::DiscreteGpu, Kind::DeviceFault), (DeviceKind::Cpu, Kind::Bug)] {
            let mut guard = Guard::new(wrong(kind), None, Observe::default());
            let (matrix, model) = data();
            guard.load(matrix).unwrap();
            assert_eq!(guard.step(std::slice::from_ref(&model)).unwrap_err().kind(), expected);
            assert_eq!(guard.assign(&model).unwrap_err().kind(), expected);
        }
    }
}
