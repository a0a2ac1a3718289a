//! The `[gateway]` section: how orders travel.

use core::time::Duration;

use serde::Deserialize;

use super::tiles::SPLIT_CORES_MIN;
use super::{ConfigError, LayoutKind, TilesConfig, size, within};
use crate::gateway::GatewayLimits;
use crate::pin::Wait;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateway {
    order_connections: u64,
    connect_ms_max: u64,
    reply_ms_max: u64,
    reply_kib_max: u64,
}

impl RawGateway {
    /// The limits, on the core behind those of the tiles; the gateway spins only where they do.
    pub(super) fn check(&self, tiles: &TilesConfig) -> Result<GatewayLimits, ConfigError> {
        let span = |key, ms| within(key, ms, 100..=60_000).map(Duration::from_millis);
        let tile_count = match tiles.layout {
            LayoutKind::Single => 1,
            LayoutKind::Split => SPLIT_CORES_MIN - 1,
        };
        let kib = size("gateway.reply_kib_max", self.reply_kib_max, 64..=65_536)?;
        Ok(GatewayLimits {
            order_connections: size("gateway.order_connections", self.order_connections, 1..=16)?,
            connect_max: span("gateway.connect_ms_max", self.connect_ms_max)?,
            reply_max: span("gateway.reply_ms_max", self.reply_ms_max)?,
            body_bytes_max: kib << 10,
            core: tiles.cores.get(tile_count).copied(),
            wait: if tiles.wait == Wait::Spin { Wait::Spin } else { Wait::Park },
        })
    }
}
