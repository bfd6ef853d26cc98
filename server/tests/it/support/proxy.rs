//! A proxy between a writer and Postgres that breaks a connection at a statement.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// The point at which the connection breaks.
#[derive(Clone, Copy)]
pub struct Cut {
    /// The bytes of the message at which it breaks.
    pub at: &'static [u8],
    /// Whether Postgres receives and executes that message before the connection breaks.
    pub delivered: bool,
}

pub struct Proxy {
    port: u16,
    armed: Arc<AtomicBool>,
    /// Whether new connections are silent: they stay open, but nothing passes. Each change silences all open ones.
    silence: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy that breaks nothing by itself.
    pub async fn passing(to: &PgConnectOptions) -> Self {
        Self::start(to, Cut { at: b"-", delivered: true }).await
    }

    /// Starts the proxy, unarmed.
    pub async fn start(to: &PgConnectOptions, cut: Cut) -> Self {
        let socket = to.get_socket().expect("the cluster listens on a unix socket").join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, armed) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let (silence, silenced) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, socket, cut, (armed.clone(), silenced)));
        Self { port, armed, silence, serving }
    }

    /// Silences all open connections for ever. New ones pass.
    pub fn silence_open(&self) {
        self.silence.send_replace(false);
    }

    /// Silences all connections for ever. New ones are silent, too, until [`silence_open`](Self::silence_open).
    pub fn silence_all(&self) {
        self.silence.send_replace(true);
    }

    /// Returns the options to connect through the proxy.
    pub fn options(&self, to: &PgConnectOptions) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port);
        options.ssl_mode(PgSslMode::Disable).database(to.get_database().unwrap())
    }

    /// Arms the proxy: the next matching message breaks its connection. Later ones pass.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Returns whether the proxy has broken a connection.
    pub fn has_cut(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    listener: TcpListener,
    socket: PathBuf,
    cut: Cut,
    (armed, silence): (Arc<AtomicBool>, watch::Receiver<bool>),
) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(pass(client, socket.clone(), cut, (armed.clone(), silence.clone())));
    }
}

/// Forwards bytes in both directions until one side closes the connection, until the cut, or until it falls silent.
async fn pass(
    mut client: TcpStream,
    socket: PathBuf,
    cut: Cut,
    (armed, mut silence): (Arc<AtomicBool>, watch::Receiver<bool>),
) -> std::io::Result<()> {
    let mut server = UnixStream::connect(socket).await?;
    let (mut request, mut answer) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    if *silence.borrow_and_update() {
        return stay_silent(client).await;
    }
    loop {
        tokio::select! {
            biased;
            _ = silence.changed() => return stay_silent(client).await,
            read = client.read(&mut request) => {
                let message = &request[..read?];
                let fits = message.windows(cut.at.len()).any(|bytes| bytes == cut.at);
                let cuts = fits && armed.swap(false, Ordering::SeqCst);
                if message.is_empty() || (cuts && !cut.delivered) {
                    return Ok(());
                }
                server.write_all(message).await?;
                if cuts {
                    // The answer shows that Postgres has executed the message. The client never sees it.
                    assert_ne!(server.read(&mut answer).await?, 0);
                    return Ok(());
                }
            }
            read = server.read(&mut answer) => {
                let message = &answer[..read?];
                if message.is_empty() {
                    return Ok(());
                }
                client.write_all(message).await?;
            }
        }
    }
}

/// Keeps Postgres' side open, and swallows what the client sends until it closes the connection.
async fn stay_silent(mut client: TcpStream) -> std::io::Result<()> {
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop)
}
