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
    task::JoinHandle,
};

/// Where the connection breaks.
#[derive(Clone, Copy)]
pub struct Cut {
    /// In the first message that has these bytes.
    pub at: &'static [u8],
    /// Whether Postgres gets that message, and acts on it, before the connection breaks.
    pub delivered: bool,
}

pub struct Proxy {
    port: u16,
    armed: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

impl Proxy {
    /// Listens, unarmed.
    pub async fn start(to: &PgConnectOptions, cut: Cut) -> Self {
        let socket = to.get_socket().expect("the cluster listens on a unix socket").join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, armed) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
        let serving = tokio::spawn(serve(listener, socket, cut, armed.clone()));
        Self { port, armed, serving }
    }

    /// How to connect through it.
    pub fn options(&self, to: &PgConnectOptions) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port);
        options.ssl_mode(PgSslMode::Disable).database(to.get_database().unwrap())
    }

    /// The next statement that fits breaks its connection; those after it pass.
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// Whether it has broken one.
    pub fn has_cut(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, socket: PathBuf, cut: Cut, armed: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(pass(client, socket.clone(), cut, armed.clone()));
    }
}

/// Passes bytes both ways until one side ends, or the cut.
async fn pass(mut client: TcpStream, socket: PathBuf, cut: Cut, armed: Arc<AtomicBool>) -> std::io::Result<()> {
    let mut server = UnixStream::connect(socket).await?;
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let message = &asked[..read?];
                let fits = message.windows(cut.at.len()).any(|bytes| bytes == cut.at);
                let cuts = fits && armed.swap(false, Ordering::SeqCst);
                if message.is_empty() || (cuts && !cut.delivered) {
                    return Ok(());
                }
                server.write_all(message).await?;
                if cuts {
                    // Its answer shows that Postgres has done it; the client never sees it.
                    assert_ne!(server.read(&mut answered).await?, 0);
                    return Ok(());
                }
            }
            read = server.read(&mut answered) => {
                let message = &answered[..read?];
                if message.is_empty() {
                    return Ok(());
                }
                client.write_all(message).await?;
            }
        }
    }
}
