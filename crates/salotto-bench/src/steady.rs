//! A steady load in a thread of its own, for scenarios that do something else meanwhile: people who talk in their
//! rooms and must not notice it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::args::Target;
use crate::crowd::Crowd;
use crate::fanout::{SETTLE_LIMIT, SETTLE_QUIET};
use crate::open_loop::{OpenLoop, PhaseFigures, Until, Window};
use crate::report::Report;

/// How long the thread waits at a time while nothing is measured, in nanoseconds.
const PAUSE_NS: u64 = 20_000_000;

/// Who talks where, and how fast.
#[derive(Clone, Debug)]
pub struct Talk {
    /// Rooms.
    pub rooms: usize,
    /// Members of each; all but the last `silent` of them speak in turn.
    pub members: usize,
    /// Members of each room who only listen, at least one.
    pub silent: usize,
    /// Messages a second in all rooms together.
    pub rate: f64,
    /// Bytes of a text.
    pub size: usize,
    /// Seconds that are summed up together, if any.
    pub windows_s: Option<f64>,
}

enum Ask {
    Measure(Span, Sender<Result<PhaseFigures>>),
    End(Sender<Ended>),
}

enum Span {
    Seconds(f64),
    Told(Arc<AtomicBool>),
}

/// What the thread leaves behind.
struct Ended {
    open_loop: OpenLoop,
    crowd: Crowd,
}

/// The load, until it is ended.
pub struct Steady {
    asks: Sender<Ask>,
    thread: Option<JoinHandle<()>>,
    run_number: u64,
    rooms: Vec<String>,
    under_way: Option<(Arc<AtomicBool>, Receiver<Result<PhaseFigures>>)>,
}

impl Steady {
    /// Connects everybody and waits until all are in their rooms; nobody speaks yet.
    ///
    /// # Errors
    ///
    /// When they cannot be connected.
    pub fn begin(target: &Target, talk: &Talk) -> Result<Self> {
        let (members, rooms) = (talk.members, talk.rooms);
        let mut crowd = Crowd::new(target, rooms * members, talk.size, |at| Some(at / members))?;
        let mut open_loop = OpenLoop::new(rooms, members, members - talk.silent, talk.rate);
        crowd.gather(target.in_flight, Duration::from_secs(target.gather_limit), &mut open_loop)?;
        crowd.settle(SETTLE_QUIET, SETTLE_LIMIT, &mut open_loop)?;
        let (run_number, rooms) = (crowd.run_number(), crowd.rooms().to_vec());
        if let Some(seconds) = talk.windows_s {
            open_loop.keep_windows(seconds, crowd.now_ns());
        }
        let (asks, inbox) = channel();
        let pid = target.pid;
        let thread = std::thread::Builder::new()
            .name("steady".to_owned())
            .spawn(move || serve(crowd, open_loop, &inbox, pid))
            .context("cannot start a thread")?;
        Ok(Self { asks, thread: Some(thread), run_number, rooms, under_way: None })
    }

    /// The number of the run and the names of the rooms, for [`Crowd::listen_to`].
    pub fn rooms(&self) -> (u64, &[String]) {
        (self.run_number, &self.rooms)
    }

    /// Talks for so long and tells what it was like.
    ///
    /// # Errors
    ///
    /// When the server no longer takes what is sent.
    pub fn measure(&mut self, seconds: f64) -> Result<PhaseFigures> {
        self.ask(Span::Seconds(seconds), Arc::default())?;
        self.wait()
    }

    /// Begins to talk, until [`Steady::stop`].
    ///
    /// # Errors
    ///
    /// When the thread is gone.
    pub fn start(&mut self) -> Result<()> {
        let flag = Arc::new(AtomicBool::new(false));
        self.ask(Span::Told(flag.clone()), flag)
    }

    /// Ends what [`Steady::start`] began and tells what it was like.
    ///
    /// # Errors
    ///
    /// When the server no longer takes what is sent.
    pub fn stop(&mut self) -> Result<PhaseFigures> {
        if let Some((flag, _)) = &self.under_way {
            flag.store(true, Ordering::Relaxed);
        }
        self.wait()
    }

    /// Ends the load and adds its counts and checks; gives the latencies window by window.
    ///
    /// # Errors
    ///
    /// When the thread is gone.
    pub fn end(mut self, require_total_order: bool, report: &mut Report) -> Result<Vec<Window>> {
        let (answer, answers) = channel();
        self.asks.send(Ask::End(answer)).map_err(|_| gone())?;
        let mut ended = answers.recv().map_err(|_| gone())?;
        ended.open_loop.report_counts(&ended.crowd, require_total_order, report);
        report.must_be_zero("closed", ended.open_loop.closed());
        ended.crowd.dismiss();
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| gone())?;
        }
        Ok(ended.open_loop.windows().to_vec())
    }

    fn ask(&mut self, span: Span, flag: Arc<AtomicBool>) -> Result<()> {
        let (answer, answers) = channel();
        self.asks.send(Ask::Measure(span, answer)).map_err(|_| gone())?;
        self.under_way = Some((flag, answers));
        Ok(())
    }

    fn wait(&mut self) -> Result<PhaseFigures> {
        let (_, answers) = self.under_way.take().context("nothing is being measured")?;
        answers.recv().map_err(|_| gone())?
    }
}

fn gone() -> anyhow::Error {
    anyhow!("the steady load has ended")
}

fn serve(mut crowd: Crowd, mut open_loop: OpenLoop, inbox: &Receiver<Ask>, pid: Option<u32>) {
    loop {
        match inbox.try_recv() {
            Ok(Ask::Measure(span, answer)) => {
                let until = match &span {
                    Span::Seconds(seconds) => Until::Seconds(*seconds),
                    Span::Told(flag) => Until::Told(flag),
                };
                // Who asked may have given up meanwhile.
                let _ = answer.send(open_loop.phase(&mut crowd, 0.0, until, pid));
            }
            Ok(Ask::End(answer)) => {
                let _ = answer.send(Ended { open_loop, crowd });
                return;
            }
            Err(TryRecvError::Disconnected) => return,
            Err(TryRecvError::Empty) => {
                if crowd.turn(crowd.now_ns() + PAUSE_NS, &mut open_loop).is_err() {
                    return;
                }
            }
        }
    }
}
