//! The web port: the web client's files, health, metrics, and the opening handshake of WebSockets.
//!
//! It runs on a small runtime of its own, on one thread. A WebSocket leaves it with the `101` answer: the socket goes
//! to the [`Adopt`] and is nothing to this module from then on, so that chatting costs nothing here.

mod asset;
mod origin;
mod route;
mod upgrade;

use std::{
    convert::Infallible,
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, error};

use crate::listen::{Adopt, Permit, Permits};
use asset::Assets;
use origin::Origins;
use upgrade::Transport;

/// Bytes of a request's first line and headers. Browsers stay below 4 KiB without cookies.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Time for a request's head, and for a TLS handshake.
const HEAD_TIME_MAX: Duration = Duration::from_secs(15);
/// Time for everything on one connection: a slow link still gets the whole web client in it.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(300);
/// HTTP connections at once from one address. A browser opens six.
const PER_ADDRESS_MAX: usize = 64;

/// Writes the metrics in Prometheus' text format.
pub type MetricsText = Arc<dyn Fn() -> String + Send + Sync>;

/// What the web port needs to know.
pub struct WebOptions {
    /// Other pages' origins that may open a WebSocket; `*` for all.
    pub allowed_origins: Vec<String>,
    /// The address of this server behind a proxy.
    pub external_url: Option<String>,
    /// HTTP connections at once.
    pub connections: usize,
    /// The certificate for HTTPS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// The bounds on chat connections, which WebSockets are.
    pub permits: Permits,
    /// Who takes the WebSockets.
    pub adopt: Arc<dyn Adopt>,
    /// What `/metrics` answers.
    pub metrics: MetricsText,
}

/// The running web port.
pub struct WebServer {
    site: Arc<Site>,
    tls: Option<TlsAcceptor>,
    runtime: tokio::runtime::Handle,
    stop: Arc<Notify>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What every request is answered from.
struct Site {
    assets: Assets,
    head_time_max: Duration,
    origins: Origins,
    /// The bound on HTTP connections.
    http_permits: Permits,
    /// The bound on chat connections.
    permits: Permits,
    adopt: Arc<dyn Adopt>,
    metrics: MetricsText,
}

/// What a request came over.
#[derive(Clone, Copy)]
struct Client {
    peer: SocketAddr,
    encrypted: bool,
}

impl WebServer {
    /// Starts the thread; connections come through [`WebServer::accept`].
    ///
    /// # Errors
    ///
    /// What the system says when it has no thread or descriptor left.
    pub fn start(options: WebOptions) -> io::Result<WebServer> {
        Self::start_with(options, Assets::embedded(), HEAD_TIME_MAX)
    }

    fn start_with(options: WebOptions, assets: Assets, head_time_max: Duration) -> io::Result<WebServer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("web".into())
            .spawn(move || runtime.block_on(stopped.notified()))?;
        let site = Site {
            assets,
            head_time_max,
            origins: Origins::new(&options.allowed_origins, options.external_url.as_deref()),
            http_permits: Permits::new(options.connections, PER_ADDRESS_MAX.min(options.connections)),
            permits: options.permits,
            adopt: options.adopt,
            metrics: options.metrics,
        };
        Ok(WebServer {
            site: Arc::new(site),
            tls: options.tls.map(TlsAcceptor::from),
            runtime: handle,
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Serves a connection that was accepted on the web port. Does not block; the stream must be non-blocking.
    pub fn accept(&self, stream: TcpStream, peer: SocketAddr, encrypted: bool) {
        let permit = match self.site.http_permits.acquire(peer.ip()) {
            Ok(permit) => permit,
            Err(refusal) => {
                debug!(%refusal, "refused an HTTP connection");
                if !encrypted {
                    // A fresh socket has room for this; whoever is gone already need not be told.
                    let _ = (&stream).write_all(
                        b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                    );
                }
                return;
            }
        };
        let site = self.site.clone();
        let tls = self.tls.clone().filter(|_| encrypted);
        if encrypted && tls.is_none() {
            return;
        }
        self.runtime.spawn(async move {
            let all = serve(site, stream, Client { peer, encrypted }, tls, permit);
            if tokio::time::timeout(CONNECTION_TIME_MAX, all).await.is_err() {
                debug!("an HTTP connection has had its time");
            }
        });
    }

    /// Ends every HTTP connection and the thread. WebSockets that were handed on are not touched.
    pub fn stop(&self) {
        self.stop.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            error!("the web thread has panicked");
        }
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(site: Arc<Site>, stream: TcpStream, client: Client, tls: Option<TlsAcceptor>, permit: Permit) {
    let stream = match tokio::net::TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return error!(%error, "cannot serve an HTTP connection"),
    };
    match tls {
        None => speak(site, stream, client).await,
        Some(tls) => match tokio::time::timeout(site.head_time_max, tls.accept(stream)).await {
            Ok(Ok(stream)) => speak(site, stream, client).await,
            Ok(Err(error)) => debug!(%error, "a TLS handshake on the web port failed"),
            Err(_) => debug!("a TLS handshake on the web port took too long"),
        },
    }
    drop(permit);
}

async fn speak<T: Transport>(site: Arc<Site>, transport: T, client: Client) {
    let head_time_max = site.head_time_max;
    let service = service_fn(move |request: hyper::Request<Body>| {
        let site = site.clone();
        async move { Ok::<_, Infallible>(route::answer::<T>(&site, client, request)) }
    });
    let result = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time_max)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(transport), service)
        .with_upgrades()
        .await;
    if let Err(error) = result {
        debug!(%error, "an HTTP connection ended early");
    }
}

#[cfg(test)]
mod tests;
