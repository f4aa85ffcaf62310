//! A relay between a client and the server: it counts connections, and can cut them.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A relay that takes connections until it is dropped.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    closing: AtomicBool,
    taken: AtomicUsize,
    clients: Mutex<Vec<TcpStream>>,
}

impl Relay {
    /// Relays from a port, any free one for 0, to the server.
    pub fn listen(port: u16, server: SocketAddr) -> Relay {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(State::default());
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            for client in listener.incoming() {
                if shared.closing.load(Ordering::Relaxed) {
                    return;
                }
                shared.taken.fetch_add(1, Ordering::Relaxed);
                let client = client.expect("a connection");
                let upstream = TcpStream::connect(server).expect("the server listens");
                shared.clients.lock().expect("whole").push(clone(&client));
                carry(clone(&client), clone(&upstream));
                carry(upstream, client);
            }
        });
        Relay { address, state, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has taken so far.
    pub fn taken(&self) -> usize {
        self.state.taken.load(Ordering::Relaxed)
    }

    /// Takes no further connections, and cuts those that there are.
    pub fn cut(mut self) {
        self.close();
        for client in self.state.clients.lock().expect("whole").drain(..) {
            // Its client may have gone.
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    fn close(&mut self) {
        self.state.closing.store(true, Ordering::Relaxed);
        // Waiting for a connection ends with a connection.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket")
}

/// Carries all that comes to the other side, and its end.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        // A side that breaks off ends it.
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
