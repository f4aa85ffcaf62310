//! The whole client against the built-in bare server, in its honest form and with each of its faults.

use std::net::SocketAddr;
use std::thread;

use crate::args::{ChurnArgs, FanoutArgs, FanoutLoad, Fault, IdleArgs, RoomsArgs, SlowArgs, Target};
use crate::floor::{FloorServer, Writing};
use crate::report::{Report, Value};
use crate::{churn, fanout, idle, rooms, slow};

/// Runs `load` against a bare server of its own.
fn with_server(address: &str, writing: Writing, load: impl FnOnce(Target) -> Report) -> Report {
    let address: SocketAddr = address.parse().expect("address");
    let mut server = FloorServer::listen(address, writing).expect("listen");
    let target = Target { host: address.ip().to_string(), ..Target::local(server.port()) };
    let stop = server.stopper();
    thread::scope(|scope| {
        let serving = scope.spawn(move || server.run());
        let report = load(target);
        stop.stop();
        serving.join().expect("the server does not panic").expect("the server ends well");
        report
    })
}

fn fanout_load(members: usize) -> FanoutLoad {
    FanoutLoad {
        members,
        senders: 3,
        window: 64,
        size: 100,
        seconds: 0.5,
        warmup: 0.0,
        stall_limit: 0.5,
        require_total_order: true,
    }
}

fn fanout_against(writing: Writing) -> Report {
    with_server("127.0.0.1:0", writing, |target| {
        fanout::run(&FanoutArgs { target, load: fanout_load(20) }, "floor").expect("fanout")
    })
}

fn count(report: &Report, figure: &str) -> u64 {
    match report.figure(figure) {
        Some(Value::Count(count)) => *count,
        other => panic!("{figure}: {other:?}"),
    }
}

fn number(report: &Report, figure: &str) -> f64 {
    report.figure(figure).and_then(Value::number).unwrap_or_else(|| panic!("no {figure}"))
}

#[test]
fn an_honest_server_has_no_faults() {
    for writing in [Writing::Coalesced(None), Writing::Single] {
        let report = fanout_against(writing);
        assert_eq!(report.faults(), [""; 0], "{}", report.table());
        for figure in ["lost", "repeated", "out_of_order", "damaged", "closed"] {
            assert_eq!(count(&report, figure), 0, "{figure}");
        }
        assert!(number(&report, "messages_per_s") > 0.0);
        assert!(number(&report, "p50_ms") <= number(&report, "p99_ms"));
    }
}

#[test]
fn fanout_works_over_ipv6() {
    let report = with_server("[::1]:0", Writing::Coalesced(None), |target| {
        fanout::run(&FanoutArgs { target, load: fanout_load(5) }, "floor").expect("fanout")
    });
    assert_eq!(report.faults(), [""; 0], "{}", report.table());
}

#[test]
fn an_injected_loss_is_found() {
    let report = fanout_against(Writing::Coalesced(Some(Fault::Loss)));
    assert!(count(&report, "lost") > 0, "{}", report.table());
    assert_eq!((count(&report, "repeated"), count(&report, "out_of_order")), (0, 0));
    assert!(!report.faults().is_empty());
}

#[test]
fn an_injected_repetition_is_found() {
    let report = fanout_against(Writing::Coalesced(Some(Fault::Repeat)));
    assert!(count(&report, "repeated") > 0, "{}", report.table());
    assert_eq!((count(&report, "lost"), count(&report, "out_of_order")), (0, 0));
}

#[test]
fn an_injected_swap_of_one_sender_is_found() {
    let report = fanout_against(Writing::Coalesced(Some(Fault::Swap)));
    assert!(count(&report, "out_of_order") > 0, "{}", report.table());
    assert_eq!((count(&report, "lost"), count(&report, "repeated")), (0, 0));
}

#[test]
fn an_injected_swap_of_two_senders_is_found_and_is_a_fault_only_when_asked() {
    let report = fanout_against(Writing::Coalesced(Some(Fault::Reorder)));
    assert_eq!(report.faults().len(), 1, "{}", report.table());
    assert!(report.faults()[0].starts_with("order_across_senders"), "{:?}", report.faults());
    let lenient = with_server("127.0.0.1:0", Writing::Coalesced(Some(Fault::Reorder)), |target| {
        let load = FanoutLoad { require_total_order: false, ..fanout_load(20) };
        fanout::run(&FanoutArgs { target, load }, "floor").expect("fanout")
    });
    assert_eq!(lenient.faults(), [""; 0]);
}

#[test]
fn an_injected_damage_is_found() {
    let report = fanout_against(Writing::Coalesced(Some(Fault::Damage)));
    assert!(count(&report, "damaged") > 0, "{}", report.table());
}

#[test]
fn rooms_keep_the_asked_rate() {
    let report = with_server("127.0.0.1:0", Writing::Coalesced(None), |target| {
        let args = RoomsArgs {
            target,
            rooms: 5,
            members: 4,
            rate: 200.0,
            size: 60,
            seconds: 0.5,
            warmup: 0.1,
            require_total_order: true,
        };
        rooms::run(&args, "floor").expect("rooms")
    });
    assert_eq!(report.faults(), [""; 0], "{}", report.table());
    assert_eq!(count(&report, "sent"), 120);
}

#[test]
fn idle_connections_are_held() {
    let report = with_server("127.0.0.1:0", Writing::Coalesced(None), |target| {
        let args = IdleArgs { target, connections: 60, rooms_of: 25, seconds: 0.1 };
        idle::run(&args, "floor").expect("idle")
    });
    assert_eq!(report.faults(), [""; 0], "{}", report.table());
    assert_eq!(count(&report, "held_to_the_end"), 60);
}

#[test]
fn workers_come_and_go() {
    let report = with_server("127.0.0.1:0", Writing::Coalesced(None), |target| {
        let args = ChurnArgs { target, workers: 5, rooms_of: 2, seconds: 0.3, sequence: None };
        churn::run(&args, "floor").expect("churn")
    });
    assert_eq!(report.faults(), [""; 0], "{}", report.table());
    assert!(number(&report, "cycles_per_s") > 0.0);
}

#[test]
fn a_sequence_of_joins_is_announced_to_all() {
    let report = with_server("127.0.0.1:0", Writing::Coalesced(None), |target| {
        let args = ChurnArgs { target, workers: 0, rooms_of: 0, seconds: 0.0, sequence: Some(30) };
        churn::run(&args, "floor").expect("sequence")
    });
    assert_eq!(report.faults(), [""; 0], "{}", report.table());
    assert_eq!((count(&report, "notices"), count(&report, "notices_missing")), (435, 0));
}

#[test]
fn who_stopped_reading_catches_up() {
    let report = with_server("127.0.0.1:0", Writing::Coalesced(None), |target| {
        let args = SlowArgs {
            target,
            rooms: 2,
            members: 6,
            senders: 2,
            stopped: 3,
            rate: 200.0,
            size: 60,
            seconds: 0.2,
            rounds: 2,
            receive_buffer: None,
            require_catch_up: true,
            require_total_order: false,
        };
        slow::run(&args, "floor").expect("slow")
    });
    assert_eq!(report.faults(), [""; 0], "{}", report.table());
    assert_eq!(number(&report, "of_these_received_later"), 240.0);
    assert_eq!((count(&report, "messages_while_stopped"), count(&report, "stopped_disconnected")), (240, 0));
}
