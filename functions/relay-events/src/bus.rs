//! How the bus begins: merchants that were there before it begin with what comes next, and new ones with their first event.

use tokio::time::Instant;
use webhooks::BusBirth;

use crate::{RelayError, RelayEvents};

/// Before any event.
const EVER: &str = "1970-01-01T00:00:00Z";

impl RelayEvents {
    /// Whether merchants that the bus does not know are new: once it has been told of all that were there.
    pub(crate) async fn takes_bus(&self) -> Result<bool, RelayError> {
        Ok(self.has_bus && self.table.bus_birth().await? == BusBirth::Done)
    }

    /// Goes on with telling it of them. Whoever is in the list has had events before; whoever is not has the first one to come.
    pub(crate) async fn tell_bus(&self, until: Instant) -> Result<(), RelayError> {
        while let BusBirth::At(after) = self.table.bus_birth().await? {
            if Instant::now() >= until {
                break;
            }
            let active = self.feed.active_since(EVER, after.as_deref()).await?;
            for merchant in &active.merchants {
                let end = self.feed.end(merchant).await?;
                self.table.begin_bus(merchant, &end).await?;
            }
            let birth = active.next.map_or(BusBirth::Done, |next| BusBirth::At(Some(next)));
            self.table.set_bus_birth(&birth).await?;
        }
        Ok(())
    }
}
