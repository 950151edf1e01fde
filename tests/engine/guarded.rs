//! The guard believes no device: what does not account for every row, lets inertia rise, or disagrees with itself, is
//! done again on the CPU.

#![allow(clippy::needless_range_loop, reason = "as in the reference")]

use std::sync::{Arc, Mutex};

use segmint::engine::cpu::CpuEngine;
use segmint::engine::{Assignment, Counters, Device, DeviceKind, Engine, Guard, Row, decide};
use segmint::error::{Kind, Result};
use segmint::grid::{Centroids, Matrix, Sums};
use segmint::observe::{Event, Observe};

use crate::cases::{self, Kind as CaseKind};
use crate::reference;

/// What a faulty device does to what it computed.
type Spoil = fn(&Matrix, &[Centroids], &mut [Sums], &mut Assignment);

struct Faulty {
    device: Device,
    inner: CpuEngine,
    matrix: Option<Arc<Matrix>>,
    spoil: Spoil,
    /// Calls that still come out right.
    good_calls: u32,
}

impl Faulty {
    fn next_is_good(&mut self) -> bool {
        let good = self.good_calls > 0;
        self.good_calls = self.good_calls.saturating_sub(1);
        good
    }
}

impl Engine for Faulty {
    fn device(&self) -> &Device {
        &self.device
    }

    fn load(&mut self, matrix: Arc<Matrix>) -> Result<()> {
        self.matrix = Some(matrix.clone());
        self.inner.load(matrix)
    }

    fn step(&mut self, models: &[Centroids]) -> Result<Vec<Sums>> {
        let mut sums = self.inner.step(models)?;
        if !self.next_is_good() {
            (self.spoil)(self.matrix.as_ref().unwrap(), models, &mut sums, &mut Assignment::default());
        }
        Ok(sums)
    }

    fn assign(&mut self, model: &Centroids) -> Result<Assignment> {
        let mut assignment = self.inner.assign(model)?;
        if !self.next_is_good() {
            (self.spoil)(self.matrix.as_ref().unwrap(), &[], &mut [], &mut assignment);
        }
        Ok(assignment)
    }

    fn farthest(&mut self, model: &Centroids, n: usize) -> Result<Vec<Row>> {
        self.inner.farthest(model, n)
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}

/// A guarded device, with the reasons of its fallbacks.
fn guarded(good_calls: u32, kind: DeviceKind, spoil: Spoil) -> (Guard, Arc<Mutex<Vec<String>>>) {
    let device = Device { name: "Test".into(), kind, driver: String::new(), backend: "None".into() };
    let faulty = Faulty { device, inner: CpuEngine::new(1, None), matrix: None, spoil, good_calls };
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let sink = reasons.clone();
    let observe = Observe::default().listen(move |event| {
        if let Event::Fallback { reason, .. } = event {
            sink.lock().unwrap().push(reason.clone());
        }
    });
    (Guard::new(Box::new(faulty), Some(Box::new(|| Box::new(CpuEngine::new(1, None)))), observe), reasons)
}

/// Moves row 0 from its cluster to the next one: everything still adds up.
fn misplace_a_row(matrix: &Matrix, models: &[Centroids], sums: &mut [Sums], assignment: &mut Assignment) {
    let d = matrix.n_features();
    let mut row = vec![0; d];
    matrix.row(0, &mut row);
    for (model, sums) in models.iter().zip(sums) {
        let from = usize::from(decide(&row, model).label);
        let to = (from + 1) % sums.rows.len();
        (sums.rows[from], sums.rows[to]) = (sums.rows[from] - 1, sums.rows[to] + 1);
        (sums.weights[from], sums.weights[to]) = (sums.weights[from] - 1, sums.weights[to] + 1);
        for j in 0..d {
            sums.sums[from * d + j] -= i128::from(row[j]);
            sums.sums[to * d + j] += i128::from(row[j]);
        }
    }
    if let (Some(label), Some(runner_up)) = (assignment.labels.first_mut(), assignment.runners_up.first_mut()) {
        std::mem::swap(label, runner_up);
    }
}

fn lose_a_row(_: &Matrix, _: &[Centroids], sums: &mut [Sums], _: &mut Assignment) {
    sums.iter_mut().for_each(|sums| sums.rows[0] = sums.rows[0].wrapping_sub(1));
}

#[test]
fn a_lost_row_sends_the_pass_to_the_cpu_with_the_right_result() {
    let case = cases::sized_case(9, CaseKind::Spread, 500, 3, 4);
    let (mut guard, reasons) = guarded(0, DeviceKind::DiscreteGpu, lose_a_row);
    guard.load(case.matrix.clone()).unwrap();
    let sums = guard.step(&case.models[..1]).unwrap();
    assert_eq!(sums[0], reference::step(&case.matrix, &case.models[0]));
    assert_eq!(guard.device().kind, DeviceKind::Cpu, "the device is retired");
    assert!(reasons.lock().unwrap()[0].contains("does not account for every row"));
}

#[test]
fn rising_inertia_gives_a_misplaced_row_away_at_the_fixed_point() {
    let case = cases::sized_case(12, CaseKind::Spread, 500, 3, 4);
    let (mut guard, reasons) = guarded(60, DeviceKind::DiscreteGpu, misplace_a_row);
    guard.load(case.matrix.clone()).unwrap();
    let mut model = case.models[0].clone();
    for _ in 0..61 {
        let sums = guard.step(std::slice::from_ref(&model)).unwrap().remove(0);
        assert_eq!(sums, reference::step(&case.matrix, &model));
        model = model.update(&sums);
    }
    assert!(reasons.lock().unwrap()[0].contains("inertia rose"), "{reasons:?}");
}

#[test]
fn an_assignment_must_agree_with_the_pass_before_it() {
    let case = cases::sized_case(12, CaseKind::Spread, 500, 3, 4);
    let (mut guard, reasons) = guarded(1, DeviceKind::DiscreteGpu, misplace_a_row);
    guard.load(case.matrix.clone()).unwrap();
    guard.step(&case.models[..1]).unwrap();
    assert_eq!(guard.assign(&case.models[0]).unwrap(), reference::assign(&case.matrix, &case.models[0]));
    assert!(reasons.lock().unwrap()[0].contains("disagrees"), "{reasons:?}");
}

#[test]
fn a_wrong_cpu_is_our_own_bug() {
    let case = cases::sized_case(9, CaseKind::Spread, 500, 3, 4);
    let (mut guard, _) = guarded(0, DeviceKind::Cpu, lose_a_row);
    guard.load(case.matrix.clone()).unwrap();
    assert_eq!(guard.step(&case.models[..1]).unwrap_err().kind(), Kind::Bug);
}
