//! Faults on purpose, for tests: a device that breaks at its n-th call. Every way in which a device can fail is
//! injected at the place where a real one would show it, so that tests walk the same path as an accident.

use std::cell::{Cell, RefCell};
use std::sync::mpsc::{Receiver, Sender, channel};

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

/// How a device fails that is asked for a clock, though it said that it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenClock {
    Refused,
    Panics,
    /// The device goes with it.
    Lost,
}

/// How a driver fails at a kernel that it compiles ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenCompiler {
    /// The device goes with it.
    Lost,
    /// It never comes back.
    Hangs,
}

/// How a driver breaks at a kernel, and who is told of it.
#[derive(Debug, Clone)]
pub(super) struct Breaks {
    pub how: BrokenCompiler,
    pub reached: Sender<()>,
}

/// The kernels, by a part of their text, at which a driver breaks.
#[derive(Debug)]
struct BrokenAt {
    text: &'static str,
    breaks: Breaks,
}

thread_local! {
    static NOW: Cell<Option<Fault>> = const { Cell::new(None) };
    static CLOCK: Cell<Option<BrokenClock>> = const { Cell::new(None) };
    static COMPILER: RefCell<Option<BrokenAt>> = const { RefCell::new(None) };
    static ARMED: Cell<Option<Plan>> = const { Cell::new(None) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static REPLACEMENT: Cell<Option<(&'static str, &'static str)>> = const { Cell::new(None) };
}

/// The next GPU engine opened on this thread breaks as planned.
pub fn arm(plan: Plan) {
    ARMED.set(Some(plan));
}

/// The GPU engine that this thread calls next breaks, at the first call that can show the fault.
pub fn strike(fault: Fault) {
    NOW.set(Some(fault));
}

/// The next GPU engine opened on this thread has a clock that cannot be made.
pub fn break_clock(how: BrokenClock) {
    CLOCK.set(Some(how));
}

/// The next GPU engine opened on this thread breaks where it compiles ahead a kernel with this text in it. What is
/// returned receives a message when the driver has such a kernel and is about to break.
pub fn break_compiler(text: &'static str, how: BrokenCompiler) -> Receiver<()> {
    let (reached, receiver) = channel();
    COMPILER.set(Some(BrokenAt { text, breaks: Breaks { how, reached } }));
    receiver
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
    clock: Option<BrokenClock>,
    compiler: Option<BrokenAt>,
}

impl Faults {
    pub(super) fn take_armed() -> Self {
        let (plan, replacement) = (ARMED.take(), REPLACEMENT.take());
        Self { plan, call: 0, replacement, clock: CLOCK.take(), compiler: COMPILER.take() }
    }

    /// How the clock breaks that is made now.
    pub(super) fn clock(&mut self) -> Option<BrokenClock> {
        self.clock.take()
    }

    /// How the driver breaks at this text.
    pub(super) fn compiler(&self, text: &str) -> Option<Breaks> {
        self.compiler.as_ref().filter(|at| text.contains(at.text)).map(|at| at.breaks.clone())
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
        let now = NOW.get() == Some(fault);
        if now {
            NOW.set(None);
        }
        due || now
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
