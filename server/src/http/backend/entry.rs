//! Ledger entries, with labels and names for display.

use std::collections::BTreeMap;

use app::views::EntryView;
use brightmeter::{
    catalog::Catalog,
    command::Caller,
    ids::{ApiKeyId, MemberId},
    ledger::entry::{Entry, EntryKind},
    names::FeatureName,
};
use uuid::Uuid;

use super::{AppBackend, BackendError, Wording};
use crate::service::{
    Result as ServiceResult,
    org_reads::{Filter, OrgReads},
};

/// The display names of an organization's members and API keys.
#[derive(Clone, Debug)]
pub struct Names {
    members: BTreeMap<MemberId, String>,
    api_keys: BTreeMap<ApiKeyId, String>,
}

impl Names {
    /// Loads the names.
    pub async fn load(reads: &mut OrgReads) -> ServiceResult<Self> {
        let (members, api_keys) = (reads.members().await?, reads.api_keys().await?);
        Ok(Self {
            members: members.into_iter().map(|member| (member.id, member.display_name)).collect(),
            api_keys: api_keys.into_iter().map(|key| (key.id, key.name)).collect(),
        })
    }

    /// Returns the display name of a caller. An API key is named even if it acts for a member.
    pub fn caller(&self, caller: &Caller) -> String {
        let member = |id: &MemberId| self.members.get(id).cloned().unwrap_or_else(|| "A former member".into());
        let api_key = |id: &ApiKeyId| self.api_keys.get(id).map(|name| format!("API key {name}"));
        match caller {
            Caller::Member { member: id } => member(id),
            Caller::ApiKey { api_key: key, member: Some(id) } => match api_key(key) {
                Some(key) => format!("{} ({key})", member(id)),
                None => member(id),
            },
            Caller::ApiKey { api_key: key, member: None } => api_key(key).unwrap_or_else(|| "An API key".into()),
            Caller::Staff { .. } => "Support".into(),
            Caller::System => "Brightmeter".into(),
        }
    }

    /// Lists the members' ids and names, for a select field.
    pub fn members(&self) -> Vec<(String, String)> {
        self.members.iter().map(|(id, name)| (id.to_string(), name.clone())).collect()
    }
}

/// Returns a feature's label.
pub(super) fn feature_label(catalog: &Catalog, name: &FeatureName) -> String {
    catalog.feature(name).map_or_else(|| name.to_string(), |feature| feature.label.clone())
}

/// Lists a page of entries, the newest first.
pub(super) async fn list(
    backend: &AppBackend,
    reads: &mut OrgReads,
    filter: &Filter,
    limit: i64,
    names: &Names,
    wording: Wording,
) -> Result<Vec<EntryView>, BackendError> {
    let entries = reads.entries(filter, limit).await?;
    let holds: Vec<Uuid> = entries.iter().filter_map(|(entry, _)| entry.hold.map(|hold| hold.0)).collect();
    let jobs = reads.jobs_among(&holds).await?;
    let catalog = &backend.reader.catalog;
    let views = entries.into_iter().map(|(entry, _)| {
        let job = entry.hold.filter(|hold| jobs.contains(&hold.0)).map(|hold| hold.to_string());
        view(catalog, names, entry, job, wording)
    });
    Ok(views.collect())
}

fn view(catalog: &Catalog, names: &Names, entry: Entry, job: Option<String>, wording: Wording) -> EntryView {
    let source = entry.source.map(|source| source.label().to_owned());
    EntryView {
        seq: entry.seq,
        at: wording.local_time(entry.at),
        day: wording.day(entry.at),
        time: wording.time(entry.at),
        kind: entry.kind.as_str().into(),
        label: entry.kind.label().into(),
        token_label: catalog.token_label(&entry.token_type).into(),
        amount: entry.amount(),
        held: entry.held_amount(),
        settled_after: entry.after.settled,
        available_after: entry.after.available(),
        feature: entry.feature.as_ref().map(|feature| feature_label(catalog, feature)),
        who: names.caller(&entry.caller),
        note: match entry.kind {
            EntryKind::Granted | EntryKind::Expired | EntryKind::PlanChanged => entry.note.or(source),
            _ => entry.note,
        },
        job,
    }
}
