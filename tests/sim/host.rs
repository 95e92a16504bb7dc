//! What can stand at an address: one of our engines, or a model of a program of 2017.

use std::net::SocketAddr;

use superchat::proto::{
    Client, ClientCommand, ClientEmit, Engine, Input, Instant, Now, Output, Server, ServerCommand,
    ServerEmit, Stats,
};

use super::classic::{ClassicClient, ClassicCommand, ClassicEmit};
use super::classic_server::ClassicServer;

pub enum Host {
    Server(Box<Server>),
    Client(Box<Client>),
    ClassicServer(Box<ClassicServer>),
    ClassicClient(Box<ClassicClient>),
}

/// What a host is told, besides datagrams.
#[derive(Debug)]
pub enum Command {
    Server(ServerCommand),
    Client(ClientCommand),
    Classic(ClassicCommand),
}

/// What a host passes on.
#[derive(Debug)]
pub enum Emit {
    Server(ServerEmit),
    Client(ClientEmit),
    Classic(ClassicEmit),
}

impl Host {
    /// Takes a datagram, and leaves what is due: more come at the same time.
    pub fn take(
        &mut self,
        now: Now,
        from: SocketAddr,
        payload: &[u8],
        room: bool,
    ) -> Vec<Output<Emit>> {
        fn take<E: Engine>(
            engine: &mut E,
            now: Now,
            input: Input<'_, E::Command>,
            emit: impl Fn(E::Emit) -> Emit,
        ) -> Vec<Output<Emit>> {
            engine.take(now, input);
            outputs(engine, emit)
        }
        match self {
            Self::Server(host) => {
                take(&mut **host, now, Input::Datagram { from, payload, room }, Emit::Server)
            }
            Self::Client(host) => {
                take(&mut **host, now, Input::Datagram { from, payload, room }, Emit::Client)
            }
            _ => self.handle(now, Input::Datagram { from, payload, room }),
        }
    }

    pub fn handle(&mut self, now: Now, input: Input<'_, Command>) -> Vec<Output<Emit>> {
        match (self, input) {
            (Self::Server(host), Input::Command(Command::Server(command))) => {
                run(&mut **host, now, Input::Command(command), Emit::Server)
            }
            (Self::Client(host), Input::Command(Command::Client(command))) => {
                run(&mut **host, now, Input::Command(command), Emit::Client)
            }
            (Self::ClassicClient(host), Input::Command(Command::Classic(command))) => {
                run(&mut **host, now, Input::Command(command), Emit::Classic)
            }
            (_, Input::Command(command)) => panic!("not for this host: {command:?}"),
            (Self::Server(host), input) => run(&mut **host, now, others(input), Emit::Server),
            (Self::Client(host), input) => run(&mut **host, now, others(input), Emit::Client),
            (Self::ClassicClient(host), input) => {
                run(&mut **host, now, others(input), Emit::Classic)
            }
            (Self::ClassicServer(host), input) => {
                run(&mut **host, now, others(input), |()| unreachable!())
            }
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Server(host) => host.deadline(),
            Self::Client(host) => host.deadline(),
            Self::ClassicClient(host) => host.deadline(),
            Self::ClassicServer(host) => host.deadline(),
        }
    }

    pub fn stats(&self) -> Stats {
        match self {
            Self::Server(host) => host.stats(),
            Self::Client(host) => host.stats(),
            Self::ClassicClient(host) => host.stats(),
            Self::ClassicServer(host) => host.stats(),
        }
    }

    pub fn is_within_bounds(&self) -> bool {
        match self {
            Self::Server(host) => host.is_within_bounds(),
            Self::Client(host) => host.is_within_bounds(),
            Self::ClassicClient(_) | Self::ClassicServer(_) => true,
        }
    }

    /// Whether it is a model of a program of 2017.
    pub fn is_classic(&self) -> bool {
        !self.is_ours()
    }

    /// Whether it is one of our engines, for which the checks are.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Client(_))
    }
}

/// The loop around an engine: one input, then every output.
fn run<E: Engine>(
    engine: &mut E,
    now: Now,
    input: Input<'_, E::Command>,
    emit: impl Fn(E::Emit) -> Emit,
) -> Vec<Output<Emit>> {
    engine.handle(now, input);
    outputs(engine, emit)
}

fn outputs<E: Engine>(engine: &mut E, emit: impl Fn(E::Emit) -> Emit) -> Vec<Output<Emit>> {
    std::iter::from_fn(|| engine.poll_output())
        .map(|output| match output {
            Output::Transmit { to, payload } => Output::Transmit { to, payload },
            Output::Emit(what) => Output::Emit(emit(what)),
        })
        .collect()
}

/// An input that is no command, whichever the commands.
fn others<C>(input: Input<'_, Command>) -> Input<'_, C> {
    match input {
        Input::Datagram { from, payload, room } => Input::Datagram { from, payload, room },
        Input::Deadline => Input::Deadline,
        Input::Command(command) => panic!("a command: {command:?}"),
    }
}
