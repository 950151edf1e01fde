//! Faults on purpose, for tests: a device that breaks at its n-th call. Every way in which a device can fail is
//! injected at the place where a real one would show it, so that tests walk the same path as an accident.

use std::cell::Cell;

/// How the device breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The device is destroyed under our hands.
    Lost,
    /// The next buffer cannot be made.
    OutOfMemory,
    /// The next wait ends at its time limit.
    Hang,
    /// The next shader does not compile.
    FailedPipeline,
    /// The next sums that are read back have a bit flipped.
    WrongSums,
    /// The next centroids arrive in another order: sums add up, labels are wrong.
    WrongLabels,
}

impl Fault {
    pub const ALL: [Fault; 6] =
        [Fault::Lost, Fault::OutOfMemory, Fault::Hang, Fault::FailedPipeline, Fault::WrongSums, Fault::WrongLabels];
}

/// Break at this call to the device, counted from 0; a fault that the call cannot show waits for the next that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub call: u64,
    pub fault: Fault,
}

thread_local! {
    static ARMED: Cell<Option<Plan>> = const { Cell::new(None) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static REPLACEMENT: Cell<Option<(&'static str, &'static str)>> = const { Cell::new(None) };
}

/// The next GPU engine opened on this thread breaks as planned.
pub fn arm(plan: Plan) {
    ARMED.set(Some(plan));
}

/// The next GPU engine opened on this thread has one text for another in all of its shaders.
pub fn replace_in_shaders(old: &'static str, new: &'static str) {
    REPLACEMENT.set(Some((old, new)));
}

/// What is armed on a thread.
pub struct Armed(Option<Plan>, Option<(&'static str, &'static str)>);

/// Takes what is armed on this thread, for one that opens an engine in its place.
pub fn armed() -> Armed {
    Armed(ARMED.take(), REPLACEMENT.take())
}

/// Arms this thread with what was taken from another.
pub fn arm_again(Armed(plan, replacement): Armed) {
    ARMED.set(plan);
    REPLACEMENT.set(replacement);
}

/// Calls to devices made on this thread so far: how many steps of a run there are to break at.
pub fn calls() -> u64 {
    CALLS.get()
}

/// Counts the calls to one device and says when its fault is due.
#[derive(Debug, Default)]
pub(super) struct Faults {
    plan: Option<Plan>,
    call: u64,
    replacement: Option<(&'static str, &'static str)>,
}

impl Faults {
    pub(super) fn take_armed() -> Self {
        Self { plan: ARMED.take(), call: 0, replacement: REPLACEMENT.take() }
    }

    /// One call to the device.
    pub(super) fn count(&mut self) {
        self.call += 1;
        CALLS.set(CALLS.get() + 1);
    }

    /// Whether this fault is due; it strikes once.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let due = self.plan.is_some_and(|plan| plan.fault == fault && self.call > plan.call);
        if due {
            self.plan = None;
        }
        due
    }

    /// A shader's text, as this device gets it.
    pub(super) fn shader(&mut self, text: String) -> String {
        if self.strikes(Fault::FailedPipeline) {
            return "fn main(".to_owned();
        }
        match self.replacement {
            Some((old, new)) => text.replace(old, new),
            None => text,
        }
    }
}
