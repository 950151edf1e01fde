// The three nearest centroids of one row, with d and k learnt at run time.
//
// Centroids come in groups of eight, feature after feature, so that one value of the row meets eight centroids. The
// host fills the last group up with centroids so far away that a real one always wins.
@group(0) @binding(2) var<storage, read> centroids: array<vec4f>;

struct Nearest {
    d1: f32,
    d2: f32,
    d3: f32,
    first: u32,
    second: u32,
}

// Clusters are offered in ascending order and only a smaller distance wins, so equal ones keep the lowest index.
fn offer(seen: Nearest, cluster: u32, distance: f32) -> Nearest {
    var n = seen;
    if (distance < n.d1) {
        n.d3 = n.d2;
        n.d2 = n.d1;
        n.second = n.first;
        n.d1 = distance;
        n.first = cluster;
    } else if (distance < n.d2) {
        n.d3 = n.d2;
        n.d2 = distance;
        n.second = cluster;
    } else {
        n.d3 = min(n.d3, distance);
    }
    return n;
}

// `at` is where the row's first value stands in the panels.
fn nearest(at: u32) -> Nearest {
    var n = Nearest(FAR, FAR, FAR, 0u, 0u);
    var place = 0u;
    for (var cluster = 0u; cluster < params.k; cluster += 8u) {
        var low = vec4f();
        var high = vec4f();
        for (var j = 0u; j < params.d; j++) {
            let x = vec4f(panels[at + j * PANEL]);
            let a = x - centroids[place];
            let b = x - centroids[place + 1u];
            low = fma(a, a, low);
            high = fma(b, b, high);
            place += 2u;
        }
        n = offer(n, cluster, low.x);
        n = offer(n, cluster + 1u, low.y);
        n = offer(n, cluster + 2u, low.z);
        n = offer(n, cluster + 3u, low.w);
        n = offer(n, cluster + 4u, high.x);
        n = offer(n, cluster + 5u, high.y);
        n = offer(n, cluster + 6u, high.z);
        n = offer(n, cluster + 7u, high.w);
    }
    return n;
}

fn too_close(near: f32, far: f32) -> bool {
    return far - near <= far * params.tie;
}
