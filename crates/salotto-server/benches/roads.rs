//! How long each road takes: `cargo bench -p salotto-server`.

mod road;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for road in road::ROADS {
        let mut work = (road.prepare)();
        criterion.bench_function(road.name, |bencher| bencher.iter(&mut work));
    }
    criterion.final_summary();
}
