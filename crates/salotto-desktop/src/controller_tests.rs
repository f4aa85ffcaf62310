use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::connection::{CloseReason, Event};

/// An interface that remembers what it was told.
struct Interface(mpsc::UnboundedSender<Event>);

impl EventSink for Interface {
    fn deliver(&self, event: Event) {
        // Some tests are not interested.
        let _ = self.0.send(event);
    }

    async fn drained(&self) {}
}

/// A window that counts how often it was told something, and does what a test
/// wants when it is told to close.
struct FakeShell<F> {
    on_closing: F,
    announced: AtomicUsize,
    exited: AtomicUsize,
}

impl<F: Fn() + Send + Sync> FakeShell<F> {
    fn new(on_closing: F) -> Self {
        Self { on_closing, announced: AtomicUsize::new(0), exited: AtomicUsize::new(0) }
    }

    fn calls(&self) -> (usize, usize) {
        (self.announced.load(Ordering::SeqCst), self.exited.load(Ordering::SeqCst))
    }
}

impl<F: Fn() + Send + Sync> Shell for FakeShell<F> {
    fn announce_closing(&self) {
        self.announced.fetch_add(1, Ordering::SeqCst);
        (self.on_closing)();
    }

    fn exit(&self) {
        self.exited.fetch_add(1, Ordering::SeqCst);
    }
}

struct Server {
    listener: TcpListener,
    endpoint: Endpoint,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = Endpoint {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().expect("an address").port(),
            tls: false,
            fingerprint: None,
        };
        Self { listener, endpoint }
    }

    /// Lets `controller` connect; returns the id, its events, and the server's end.
    async fn welcome(
        &self,
        controller: &Controller,
    ) -> (ConnectionId, mpsc::UnboundedReceiver<Event>, TcpStream) {
        let (sender, events) = mpsc::unbounded_channel();
        let (id, accepted) =
            tokio::join!(controller.open(&self.endpoint, Interface(sender)), self.listener.accept());
        (id.expect("opened"), events, accepted.expect("accepted").0)
    }
}

async fn read_all(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("readable");
    text
}

#[tokio::test]
async fn lines_reach_the_connection_they_are_meant_for() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (first, _events, first_end) = server.welcome(&controller).await;
    let (second, _events, second_end) = server.welcome(&controller).await;
    assert_ne!(first, second);
    controller.send_line(first, "NICK anna".to_owned()).expect("sent");
    controller.send_line(second, "NICK bo".to_owned()).expect("sent");
    tokio::join!(controller.close(first), controller.close(second), async {
        assert_eq!(read_all(first_end).await, "NICK anna\r\n");
        assert_eq!(read_all(second_end).await, "NICK bo\r\n");
    });
}

#[tokio::test]
async fn a_line_that_hides_another_is_not_sent() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (id, _events, end) = server.welcome(&controller).await;
    assert_eq!(
        controller.send_line(id, "PRIVMSG #lobby :a\r\nQUIT".to_owned()),
        Err(SendError::BadLine(BadLine::ControlByte))
    );
    let (_, received) = tokio::join!(controller.close(id), read_all(end));
    assert_eq!(received, "");
}

#[tokio::test]
async fn a_connection_that_has_ended_takes_no_lines() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (id, mut events, end) = server.welcome(&controller).await;
    drop(end);
    assert!(matches!(events.recv().await, Some(Event::Closed { .. })));
    // Its task has dropped the sink, so nothing follows.
    assert_eq!(events.recv().await, None);
    controller.close(id).await;
    assert_eq!(controller.send_line(id, "PING :1".to_owned()), Err(SendError::Closed));
    assert_eq!(controller.send_line(id + 1, "PING :1".to_owned()), Err(SendError::Closed));
}

#[tokio::test]
async fn a_server_that_never_closes_its_side_is_cut_off() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (id, mut events, end) = server.welcome(&controller).await;
    controller.send_line(id, "QUIT".to_owned()).expect("sent");
    controller.close(id).await;
    assert_eq!(
        events.recv().await,
        Some(Event::Closed { reason: CloseReason::Eof, message: "closed by this side".to_owned() })
    );
    assert_eq!(read_all(end).await, "QUIT\r\n");
}

#[tokio::test]
async fn a_server_that_reads_nothing_fills_a_bounded_queue() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (id, _events, _end) = server.welcome(&controller).await;
    // Nothing is written as long as this test does not wait, so the queue alone takes them.
    for number in 0..SEND_QUEUE_LEN_MAX {
        assert_eq!(controller.send_line(id, format!("PING :{number}")), Ok(()));
    }
    assert_eq!(controller.send_line(id, "PING :one more".to_owned()), Err(SendError::Full));
    controller.close(id).await;
}

#[tokio::test]
async fn no_more_than_so_many_connections_are_open() {
    let controller = Controller::default();
    let server = Server::start().await;
    let mut ends = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        ends.push(server.welcome(&controller).await);
    }
    let (sender, _events) = mpsc::unbounded_channel();
    let refused = controller.open(&server.endpoint, Interface(sender)).await;
    assert!(matches!(refused, Err(OpenError::TooMany)), "{refused:?}");

    let (id, _, end) = ends.pop().expect("one of them");
    drop(end);
    controller.close(id).await;
    server.welcome(&controller).await;
}

#[tokio::test]
async fn closing_the_window_lets_the_interface_say_goodbye() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (id, _events, end) = server.welcome(&controller).await;
    let shell = FakeShell::new(|| {
        controller.send_line(id, "QUIT :good night".to_owned()).expect("sent");
        controller.ready_to_close();
    });
    let (_, received) = tokio::join!(controller.shut_down(&shell), read_all(end));
    assert_eq!(received, "QUIT :good night\r\n");
    assert_eq!(shell.calls(), (1, 1));
}

#[tokio::test]
async fn a_goodbye_still_on_its_way_is_waited_for() {
    let controller = Arc::new(Controller::default());
    let server = Server::start().await;
    let (id, _events, end) = server.welcome(&controller).await;
    let closer = Arc::clone(&controller);
    // The interface closes the connection itself and answers before that is done.
    let shell = FakeShell::new(|| {
        closer.send_line(id, "QUIT :good night".to_owned()).expect("sent");
        let closing = Arc::clone(&closer);
        tokio::spawn(async move { closing.close(id).await });
        closer.ready_to_close();
    });
    let server_end = async {
        let mut end = BufReader::new(end);
        let mut received = String::new();
        end.read_line(&mut received).await.expect("a line");
        assert_eq!(shell.calls(), (1, 0), "the window waits for the server");
        received
    };
    let (_, received) = tokio::join!(controller.shut_down(&shell), server_end);
    assert_eq!(received, "QUIT :good night\r\n");
    assert_eq!(shell.calls(), (1, 1));
}

#[tokio::test]
async fn an_interface_that_does_not_answer_has_its_goodbye_said_for_it() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (first, _events, first_end) = server.welcome(&controller).await;
    let (_second, _events, second_end) = server.welcome(&controller).await;
    controller.send_line(first, "QUIT :già detto".to_owned()).expect("sent");
    let shell = FakeShell::new(|| {});
    let (_, first_received, second_received) =
        tokio::join!(controller.shut_down(&shell), read_all(first_end), read_all(second_end));
    assert_eq!(first_received, "QUIT :già detto\r\n");
    assert_eq!(second_received, "QUIT\r\n");
    assert_eq!(shell.calls(), (1, 1));
}

#[tokio::test]
async fn closing_twice_is_closing_once() {
    let controller = Controller::default();
    let shell = FakeShell::new(|| {});
    tokio::join!(controller.shut_down(&shell), controller.shut_down(&shell), async {
        tokio::task::yield_now().await;
        controller.ready_to_close();
    });
    assert_eq!(shell.calls(), (1, 1));
}

#[tokio::test]
async fn an_answer_nobody_asked_for_does_not_shorten_the_goodbye() {
    let controller = Controller::default();
    let server = Server::start().await;
    controller.ready_to_close();
    let (id, _events, end) = server.welcome(&controller).await;
    let shell = FakeShell::new(|| {});
    let late_goodbye = async {
        while shell.calls().0 == 0 {
            tokio::task::yield_now().await;
        }
        controller.send_line(id, "QUIT :late".to_owned()).expect("still open");
        controller.ready_to_close();
    };
    let (_, (), received) = tokio::join!(controller.shut_down(&shell), late_goodbye, read_all(end));
    assert_eq!(received, "QUIT :late\r\n");
}

#[tokio::test]
async fn nothing_is_opened_on_the_way_out() {
    let controller = Controller::default();
    let server = Server::start().await;
    let shell = FakeShell::new(|| controller.ready_to_close());
    controller.shut_down(&shell).await;
    let (sender, _events) = mpsc::unbounded_channel();
    let refused = controller.open(&server.endpoint, Interface(sender)).await;
    assert!(matches!(refused, Err(OpenError::Closing)), "{refused:?}");
}

#[tokio::test]
async fn a_page_that_is_loaded_again_leaves_no_connection_behind() {
    let controller = Controller::default();
    let server = Server::start().await;
    let (id, _events, mut end) = server.welcome(&controller).await;
    end.write_all(b"PING :1\r\n").await.expect("written");
    let (_, received) = tokio::join!(controller.close_all(), read_all(end));
    assert_eq!(received, "", "the new page may resume the session");
    assert_eq!(controller.send_line(id, "PING :1".to_owned()), Err(SendError::Closed));
}
