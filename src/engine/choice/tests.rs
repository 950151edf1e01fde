//! The choice on machines that nobody here has: adapters as wgpu describes them there, in its own words, and jobs from
//! a thousand rows to two hundred million.

use std::sync::{Arc, Mutex};

use super::super::gpu::recorded;
use super::*;

/// Name, device type, driver, what the driver says of itself, backend; and what it is to us.
const RECORDED: [([&str; 5], DeviceKind); 24] = {
    use DeviceKind::{DiscreteGpu as D, IntegratedGpu as I, SoftwareGpu as S, VirtualGpu as V};
    [
        (["NVIDIA H100 80GB HBM3", "DiscreteGpu", "NVIDIA", "570.133.20", "Vulkan"], D),
        (["Tesla T4", "DiscreteGpu", "NVIDIA", "535.183.01", "Vulkan"], D),
        (["NVIDIA GeForce RTX 4090", "DiscreteGpu", "NVIDIA", "565.90", "Vulkan"], D),
        (["NVIDIA GeForce RTX 4080", "DiscreteGpu", "32.0.15.6590", "", "Dx12"], D),
        // OpenGL does not say what it draws with.
        (["NVIDIA GeForce RTX 4080/PCIe/SSE2", "Other", "", "4.6.0 NVIDIA 565.90", "Gl"], I),
        (["AMD Radeon RX 7900 XTX (RADV NAVI31)", "DiscreteGpu", "radv", "Mesa 25.2.1", "Vulkan"], D),
        (
            [
                "AMD Radeon RX 7900 XTX",
                "DiscreteGpu",
                "AMD proprietary driver",
                "24.3.1 (AMD proprietary shader compiler)",
                "Vulkan",
            ],
            D,
        ),
        (["Intel(R) Arc(TM) A750 Graphics", "DiscreteGpu", "Intel Corporation", "Intel driver", "Vulkan"], D),
        (["Intel(R) Iris(R) Xe Graphics", "IntegratedGpu", "Intel Corporation", "101.5768", "Vulkan"], I),
        (
            [
                "Intel(R) UHD Graphics 630 (CFL GT2)",
                "IntegratedGpu",
                "Intel open-source Mesa driver",
                "Mesa 23.2.1-1ubuntu3.1~22.04.4",
                "Vulkan",
            ],
            I,
        ),
        (["Mesa Intel(R) UHD Graphics 630 (CFL GT2)", "IntegratedGpu", "", "4.6 (Core Profile) Mesa 23.2.1", "Gl"], I),
        (["AMD Radeon Graphics (RADV RENOIR)", "IntegratedGpu", "radv", "Mesa 24.0.9-0ubuntu0.2", "Vulkan"], I),
        (["Apple M2", "IntegratedGpu", "", "", "Metal"], I),
        (["Virtio-GPU Venus (NVIDIA GeForce RTX 3060)", "VirtualGpu", "venus", "Mesa 25.0.7", "Vulkan"], V),
        (["Virtio-GPU Venus (Apple M2 Pro)", "VirtualGpu", "venus", "Mesa 25.0.7", "Vulkan"], V),
        // A virtual GPU in front of a software one is a software one, whatever it says.
        (["Virtio-GPU Venus (llvmpipe (LLVM 19.1.7, 256 bits))", "VirtualGpu", "venus", "Mesa 25.0.7", "Vulkan"], S),
        (["virgl (LLVMPIPE (LLVM 15.0.7 256 bits))", "Other", "", "4.3 (Core Profile) Mesa 23.2.1", "Gl"], S),
        (["llvmpipe (LLVM 15.0.6, 256 bits)", "Cpu", "llvmpipe", "Mesa 22.3.6 (LLVM 15.0.6)", "Vulkan"], S),
        (["llvmpipe (LLVM 15.0.6, 256 bits)", "Other", "", "4.5 (Core Profile) Mesa 22.3.6", "Gl"], S),
        (
            [
                "zink Vulkan 1.3(llvmpipe (LLVM 15.0.7, 256 bits) (LLVMPIPE))",
                "Other",
                "",
                "4.6 (Core Profile) Mesa 24.0.5",
                "Gl",
            ],
            S,
        ),
        (["softpipe", "Other", "", "3.3 (Core Profile) Mesa 22.3.6", "Gl"], S),
        (["SwiftShader Device (Subzero)", "Cpu", "SwiftShader driver", "", "Vulkan"], S),
        (["Microsoft Basic Render Driver", "VirtualGpu", "10.0.26100.1301", "", "Dx12"], S),
        (["D3D12 (Microsoft Basic Render Driver)", "Other", "", "4.6 (Core Profile) Mesa 23.2.1", "Gl"], S),
    ]
};

const SMALL: Shape = Shape { n_rows: 23_570, n_features: 3, n_clusters: 40, n_models: 10 };
/// k = 2 to 10 with two winners of a race each.
const SWEEP: (usize, usize) = (108, 18);
const ONE: (usize, usize) = (5, 1);

fn shape(n_rows: u64, (n_clusters, n_models): (usize, usize)) -> Shape {
    Shape { n_rows, n_features: 10, n_clusters, n_models }
}

fn settings(wanted: Wanted, threads: usize) -> Settings {
    Settings { wanted, memory: 8 << 30, threads, cache: None, clock: Clock::Off, tune: true }
}

fn auto(shape: Shape, threads: usize, devices: &[Device]) -> Choice {
    choose(&settings(Wanted::Auto, threads), shape, || devices.to_vec()).unwrap()
}

fn machine(parts: &[&str]) -> Vec<Device> {
    let of = |part: &&str| RECORDED.iter().find(|(words, _)| words[0].contains(part)).expect("a recorded adapter").0;
    parts.iter().map(|part| recorded(of(part))).collect()
}

#[test]
fn an_adapter_is_taken_for_what_it_is() {
    for (words, kind) in RECORDED {
        assert_eq!(recorded(words).kind, kind, "{words:?}");
    }
}

#[test]
fn no_job_however_large_goes_to_a_software_adapter() {
    let software =
        |(words, kind): &([&str; 5], DeviceKind)| (*kind == DeviceKind::SoftwareGpu).then(|| recorded(*words));
    let software: Vec<Device> = RECORDED.iter().filter_map(software).collect();
    assert_eq!(software.len(), 9);
    for rows in [1_000, 500_000, 10_000_000, 200_000_000] {
        let choice = auto(shape(rows, SWEEP), 1, &software);
        assert_eq!(choice.taken, Taken::Cpu, "{rows} rows");
        assert!(choice.expected[0].chosen && choice.expected.len() <= 2);
    }
    let error = choose(&settings(Wanted::Gpu, 1), SMALL, || software.clone()).unwrap_err();
    assert_eq!(error.kind(), Kind::NoDevice);
    // By its name even a software adapter is taken: that is how they are tested.
    let named = choose(&settings(Wanted::Named("swiftshader".into()), 1), SMALL, || software.clone()).unwrap();
    assert_eq!(named.taken, Taken::Adapter(6));
}

#[test]
fn who_wins_follows_from_the_rows_the_models_and_the_threads() {
    const GPU: Taken = Taken::Adapter(0);
    const CPU: Taken = Taken::Cpu;
    let cards = ["H100", "Tesla T4", "RTX 4090", "RX 7900 XTX"];
    let small = ["Iris(R) Xe", "UHD Graphics 630", "Apple M2"];
    // Rows, models, threads; what a discrete card, an integrated GPU and a virtual one come to.
    for (rows, models, threads, discrete, integrated, of_a_guest) in [
        (1_000, ONE, 2, CPU, CPU, CPU),
        (100_000, SWEEP, 8, CPU, CPU, CPU),
        (500_000, ONE, 2, CPU, CPU, CPU),
        (500_000, SWEEP, 2, GPU, GPU, GPU),
        (500_000, SWEEP, 32, CPU, CPU, CPU),
        (10_000_000, ONE, 2, GPU, GPU, GPU),
        (10_000_000, ONE, 16, CPU, CPU, CPU),
        (10_000_000, SWEEP, 16, GPU, CPU, CPU),
        (50_000_000, SWEEP, 16, GPU, CPU, GPU),
        (200_000_000, ONE, 2, GPU, GPU, GPU),
        (200_000_000, SWEEP, 64, GPU, CPU, CPU),
    ] {
        let taken = |part: &str| auto(shape(rows, models), threads, &machine(&[part])).taken;
        for (parts, expected) in
            [(&cards[..], discrete), (&small[..], integrated), (&["Venus (NVIDIA"][..], of_a_guest)]
        {
            for part in parts {
                assert_eq!(taken(part), expected, "{rows} rows, {models:?} models, {threads} threads on {part}");
            }
        }
    }
}

#[test]
fn of_several_gpus_the_fastest_is_taken_and_all_are_weighed() {
    let devices = machine(&["llvmpipe (LLVM 15", "UHD Graphics 630 (CFL", "Tesla T4", "RTX 4090"]);
    let choice = auto(shape(50_000_000, SWEEP), 8, &devices);
    assert_eq!(choice.taken, Taken::Adapter(2), "the first of two that are expected to be equal");
    let names: Vec<&str> = choice.expected.iter().map(|one| one.device.as_str()).collect();
    assert_eq!(
        names,
        [
            "8 CPU threads",
            "Tesla T4 (Vulkan)",
            "NVIDIA GeForce RTX 4090 (Vulkan)",
            "Intel(R) UHD Graphics 630 (CFL GT2) (Vulkan)"
        ]
    );
    assert_eq!(choice.expected.iter().map(|one| one.chosen).collect::<Vec<_>>(), [false, true, false, false]);
    assert!(choice.reason.contains("8 CPU threads") && choice.reason.contains("Tesla T4"), "{}", choice.reason);
}

#[test]
fn nobody_looks_for_a_gpu_where_the_cpu_is_asked_for_or_done_before_one_has_started() {
    let never = || panic!("somebody looked for a GPU");
    for (wanted, shape) in [(Wanted::Auto, SMALL), (Wanted::Cpu, SMALL), (Wanted::Cpu, shape(200_000_000, SWEEP))] {
        let choice = choose(&settings(wanted, 2), shape, never).unwrap();
        assert_eq!(choice.taken, Taken::Cpu);
        let [cpu, hoped] = &choice.expected[..] else { panic!("{:?}", choice.expected) };
        assert!(cpu.device == "2 CPU threads" && cpu.chosen && cpu.start_ms == 0.0);
        assert!(hoped.device.ends_with("GPU, not looked for") && !hoped.chosen && hoped.start_ms > 0.0);
    }
}

#[test]
fn a_choice_says_what_was_expected_and_why() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = events.clone();
    let observe = Observe::default().listen(move |event| kept.lock().unwrap().push(event.clone()));
    let engine = open(&settings(Wanted::Auto, 1), SMALL, &observe).unwrap();
    assert_eq!(engine.device().kind, DeviceKind::Cpu);
    let events = events.lock().unwrap();
    let [Event::Forecast { work, passes, devices }, Event::DeviceChosen { device, reason }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(work, "23570 rows x 3 features, 10 models with 40 clusters, about 90 passes");
    assert_eq!((*passes, devices.len()), (90, 2));
    assert!(device.starts_with("CPU (") && reason.starts_with(work) && reason.contains("1 CPU thread,"), "{reason}");
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_that_lists_what_is() {
    let error = open(&settings(Wanted::Named("no such card".into()), 1), SMALL, &Observe::default()).err().unwrap();
    assert_eq!((error.kind(), error.kind().exit_code()), (Kind::NoDevice, 69));
    assert!(error.to_string().contains("no such card"), "{error}");
}

#[test]
fn tuning_is_off_where_nobody_wants_it_and_on_software_adapters() {
    let device = |kind| Device { name: "Card".into(), kind, driver: "1".into(), backend: "Vulkan".into() };
    for (tune, kind, expected) in [
        (true, DeviceKind::DiscreteGpu, Tuning::Above(crate::engine::gpu::WORK_MIN)),
        (false, DeviceKind::DiscreteGpu, Tuning::Off),
        (true, DeviceKind::SoftwareGpu, Tuning::Off),
    ] {
        let settings = Settings { tune, ..settings(Wanted::Gpu, 1) };
        assert_eq!(of_gpu(&device(kind), &settings).tuning, expected);
    }
}
