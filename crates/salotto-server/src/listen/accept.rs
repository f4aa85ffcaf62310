//! The thread that accepts connections on every listening socket and hands them on.

use std::{
    collections::BTreeSet,
    io,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker};
use tracing::error;

use super::bind::{Bound, Service};

/// Connections taken from one socket before the next socket has its turn.
const TURN: usize = 64;
/// How long to wait when the system has no descriptor or memory for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);
/// How often that is said in the log.
const EXHAUSTED_LOG_INTERVAL: Duration = Duration::from_secs(60);

const WAKE: Token = Token(usize::MAX);

/// Accepts until it is stopped.
pub(super) struct Acceptor {
    stop: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    /// Starts the thread. `accepted` is called on it for every connection, and must not block.
    pub(super) fn start(
        bound: Vec<Bound>,
        accepted: impl Fn(Service, TcpStream, SocketAddr) + Send + 'static,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let mut sockets = Vec::with_capacity(bound.len());
        for (index, bound) in bound.into_iter().enumerate() {
            let mut listener = mio::net::TcpListener::from_std(bound.listener);
            poll.registry().register(&mut listener, Token(index), Interest::READABLE)?;
            sockets.push((bound.service, listener));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut turns = Loop { poll, sockets, stop: stop.clone(), accepted, exhausted_logged: None };
        // The sockets close when the loop ends: it owns them.
        let thread = std::thread::Builder::new().name("accept".into()).spawn(move || turns.run())?;
        Ok(Self { stop, waker, thread: Some(thread) })
    }

    /// Closes the listening sockets; connections waiting in them are reset.
    pub(super) fn stop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            error!(%error, "cannot wake the accept thread");
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the accept thread has panicked");
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Loop<A> {
    poll: Poll,
    sockets: Vec<(Service, mio::net::TcpListener)>,
    stop: Arc<AtomicBool>,
    accepted: A,
    exhausted_logged: Option<Instant>,
}

/// How a socket's turn ended.
enum Turn {
    /// Nobody is waiting any more.
    Empty,
    /// There may be more.
    More,
    /// The system has no room for another connection.
    Exhausted,
}

impl<A: Fn(Service, TcpStream, SocketAddr)> Loop<A> {
    fn run(&mut self) {
        let mut events = Events::with_capacity(16);
        // The system tells only once that somebody waits, so whoever has not been emptied is remembered.
        let mut waiting = BTreeSet::new();
        let mut pause = None;
        loop {
            let timeout = pause.take().or_else(|| (!waiting.is_empty()).then_some(Duration::ZERO));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    error!(%error, "cannot wait for connections");
                    pause = Some(EXHAUSTED_PAUSE);
                }
                _ => {}
            }
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            waiting.extend(events.iter().map(|event| event.token()).filter(|token| *token != WAKE));
            for token in std::mem::take(&mut waiting) {
                match self.turn(token.0) {
                    Turn::Empty => {}
                    Turn::More => drop(waiting.insert(token)),
                    Turn::Exhausted => {
                        waiting.insert(token);
                        pause = Some(EXHAUSTED_PAUSE);
                    }
                }
            }
        }
    }

    fn turn(&mut self, index: usize) -> Turn {
        let (service, listener) = &self.sockets[index];
        for _ in 0..TURN {
            match listener.accept() {
                Ok((stream, peer)) => (self.accepted)(*service, stream.into(), peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Turn::Empty,
                Err(error) if is_exhausted(&error) => {
                    let now = Instant::now();
                    if self.exhausted_logged.is_none_or(|at| now - at >= EXHAUSTED_LOG_INTERVAL) {
                        self.exhausted_logged = Some(now);
                        error!(%error, "cannot accept more connections; raise the limit of open files (ulimit -n)");
                    }
                    return Turn::Exhausted;
                }
                // Anything else concerns a connection that was gone before it was accepted.
                Err(_) => {}
            }
        }
        Turn::More
    }
}

/// ENFILE, EMFILE, ENOMEM, ENOBUFS: 23, 24, 12 and 105 on Linux (55 on macOS); 10024 and 10055 on Windows.
fn is_exhausted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::OutOfMemory
        || matches!(error.raw_os_error(), Some(23 | 24 | 12 | 105 | 55 | 10024 | 10055))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        config::{Listen, Port},
        listen::bind::{KEEPALIVE_AFTER, bind},
    };

    type Accepted = (Service, TcpStream, SocketAddr);

    fn start() -> (Acceptor, Vec<(Service, SocketAddr)>, mpsc::Receiver<Accepted>) {
        let config = Listen {
            host: vec!["127.0.0.1".into()],
            port: Port::At(0),
            text_port: Port::At(0),
            web_port: Port::Off,
            ..Listen::default()
        };
        let bound = bind(&config).expect("bound");
        let addresses = bound.iter().map(|bound| (bound.service, bound.address)).collect();
        let (send, receive) = mpsc::channel();
        let acceptor = Acceptor::start(bound, move |service, stream, peer| {
            let _ = send.send((service, stream, peer));
        })
        .expect("started");
        (acceptor, addresses, receive)
    }

    #[test]
    fn more_connections_than_one_turn_all_arrive_on_every_socket() {
        let (_acceptor, addresses, receive) = start();
        let mut clients = Vec::new();
        for _ in 0..TURN + 10 {
            for (_, address) in &addresses {
                clients.push(TcpStream::connect(address).expect("connects"));
            }
        }
        let mut peers: Vec<_> = clients.iter().map(|client| client.local_addr().expect("address")).collect();
        let mut seen: Vec<_> = clients.iter().map(|_| receive.recv().expect("accepted").2).collect();
        peers.sort();
        seen.sort();
        assert_eq!(peers, seen);
    }

    #[test]
    fn a_connection_is_handed_on_ready_for_an_event_loop() {
        let (_acceptor, addresses, receive) = start();
        let client = TcpStream::connect(addresses[1].1).expect("connects");
        let (service, stream, peer) = receive.recv().expect("accepted");
        assert_eq!(service, addresses[1].0);
        assert_eq!(peer, client.local_addr().expect("address"));
        assert!(stream.nodelay().expect("option"));
        let socket = socket2::SockRef::from(&stream);
        assert!(socket.keepalive().expect("option"));
        #[cfg(unix)]
        assert_eq!(socket.tcp_keepalive_time().expect("option"), KEEPALIVE_AFTER);
        let read = io::Read::read(&mut &stream, &mut [0]).expect_err("nothing to read");
        assert_eq!(read.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn stopping_frees_the_port() {
        let (mut acceptor, addresses, _receive) = start();
        acceptor.stop();
        let error = TcpStream::connect(addresses[0].1).expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
