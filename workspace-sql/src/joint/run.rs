//! A run of suited changes, carried out.

use std::collections::{BTreeMap, BTreeSet};

use workspace_core::model::{ReservationPart, Scheduling};
use workspace_core::port::{Change, Outcome, Refused, Write};

use super::books::{Books, Grant};
use super::networks::Allotment;
use super::rows::expect;
use crate::backend::Session;
use crate::change::{
    AUDITED, Claim, PROJECTS, REMEMBERED, RESERVATIONS, WORKSPACES, audit_columns, project_columns, remembered_columns,
    workspace_columns,
};
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::rows::{AMOUNTS, amounts, resources, scheduling_name};
use crate::value::values;

type Answer = Result<Outcome, Refused>;

impl<'a, S: Session> Cursor<'a, S> {
    /// Carries out suited changes whose rows are locked, as far as it can tell their answers. A change whose claims
    /// find no room is refused alone, unless something before its claims might be refused first: it ends the run.
    pub(crate) async fn joint(&mut self, changes: &'a [Change]) -> Result<Vec<Answer>, Fault> {
        let claims: Vec<_> = changes.iter().map(claims).collect();
        let mut books = self.books(&claims.concat()).await?;
        let (mut grants, mut answers) = (Vec::new(), Vec::with_capacity(changes.len()));
        for (change, claims) in changes.iter().zip(&claims) {
            let decided = books.decide(claims, &mut grants);
            if decided.is_err() && !claims_come_first(change) {
                break;
            }
            answers.push(decided.map(|()| Outcome::default()));
        }
        let granted: Vec<(usize, &Write)> = (changes.iter().zip(&answers).enumerate())
            .filter(|(_, (_, answer))| answer.is_ok())
            .flat_map(|(index, (change, _))| change.writes.iter().map(move |write| (index, write)))
            .collect();
        self.write_claims(&books, grants).await?;
        self.write_rows(&granted).await?;
        self.write_numbered(&granted, &mut answers).await?;
        Ok(answers)
    }

    /// The servers and holders of claims, as they are under the locks.
    async fn books(&mut self, claims: &[Claim]) -> Result<Books, Fault> {
        let mut books = Books::default();
        if claims.is_empty() {
            return Ok(books);
        }
        let servers: BTreeSet<_> = claims.iter().map(|claim| claim.server.as_uuid()).collect();
        let columns = ["limit", "reserved"].map(|kind| AMOUNTS.map(|name| format!("{kind}_{name}")).join(", "));
        let sql = format!("SELECT id, scheduling, {} FROM @servers", columns.join(", "));
        for mut row in self.rows_among(&sql, "id", servers, "").await? {
            let (id, scheduling) = (row.id()?, row.text()?);
            let (limits, reserved) = (resources(&mut row)?, resources(&mut row)?);
            books.add_server(id, scheduling == scheduling_name(Scheduling::Active), limits.minus(reserved));
        }
        let sql = "SELECT holder, server, part FROM @reservations";
        let holders: BTreeSet<_> = claims.iter().map(|claim| claim.holder).collect();
        for mut row in self.rows_among(sql, "holder", holders, "AND released_seq IS NULL").await? {
            let (holder, server, part) = (row.id()?, row.id()?, row.text()?);
            let known = [ReservationPart::Compute, ReservationPart::Storage].map(ReservationPart::name);
            let part = known.into_iter().find(|known| *known == part);
            books.add_held(holder, part.ok_or_else(|| crate::value::broken("no part"))?, server);
        }
        Ok(books)
    }

    /// Guarded as the single claim is: what memory decided is written only where the row agrees.
    async fn write_claims(&mut self, books: &Books, grants: Vec<Grant>) -> Result<(), Fault> {
        if grants.is_empty() {
            return Ok(());
        }
        let sums: Vec<_> = books
            .accounts()
            .map(|(server, account)| {
                let mut values = values![server, account.claims, account.forced];
                values.extend(amounts(account.claimed));
                values
            })
            .collect();
        let add = AMOUNTS.map(|name| format!("reserved_{name} = s.reserved_{name} + given.{name}")).join(", ");
        let room = AMOUNTS
            .map(|name| format!("(given.{name} = 0 OR given.{name} <= s.limit_{name} - s.reserved_{name})"))
            .join(" AND ");
        let update = format!(
            "UPDATE @servers AS s SET ledger_seq = s.ledger_seq + given.claims, {add} FROM given \
             WHERE s.id = given.server AND (s.scheduling = 'active' OR given.forced = 1) AND {room} \
             RETURNING id, ledger_seq"
        );
        let (wanted, columns) = (sums.len(), format!("(server, claims, forced, {})", AMOUNTS.join(", ")));
        let mut last = BTreeMap::new();
        for mut row in self.with_rows(&columns, sums, &update).await? {
            last.insert(row.id()?, row.count()?);
        }
        expect(wanted, last.len())?;
        let before: BTreeMap<_, _> = books
            .accounts()
            .filter_map(|(server, account)| Some((server, last.get(&server)?.saturating_sub(account.claims))))
            .collect();
        let rows = grants.into_iter().filter_map(|grant| {
            let seq = before.get(&grant.server)? + grant.nth;
            let mut values = values![grant.server];
            values.extend(amounts(grant.resources));
            values.extend(values![grant.holder, grant.part.name(), seq]);
            Some(values)
        });
        self.insert_rows(RESERVATIONS, rows.collect()).await
    }

    async fn write_rows(&mut self, writes: &[(usize, &'a Write)]) -> Result<(), Fault> {
        let (mut remembered, mut projects, mut workspaces) = (Vec::new(), Vec::new(), Vec::new());
        let mut audited = Vec::new();
        for (_, write) in writes {
            match write {
                Write::Remember(record) => remembered.push(remembered_columns(record)),
                Write::Audit(entry) => audited.push(audit_columns(entry)),
                Write::InsertProject(project) => projects.push(project_columns(self.vault, project)?),
                Write::InsertWorkspace(workspace) => workspaces.push(workspace_columns(workspace)?),
                _ => {}
            }
        }
        self.insert_rows(REMEMBERED, remembered).await?;
        self.insert_rows(AUDITED, audited).await?;
        self.insert_rows(PROJECTS, projects).await?;
        self.insert_rows(WORKSPACES, workspaces).await
    }

    async fn write_numbered(&mut self, writes: &[(usize, &'a Write)], answers: &mut [Answer]) -> Result<(), Fault> {
        let (mut allotments, mut events) = (BTreeMap::new(), Vec::new());
        for &(change, write) in writes {
            match write {
                // The last of a change counts; a workspace keeps its number on the same server.
                Write::AllotNetwork { server, workspace, from } => {
                    let allotment = Allotment { server: server.as_uuid(), workspace: workspace.as_uuid(), from: *from };
                    if allotments.insert((change, allotment.workspace), allotment).is_some() {
                        return Err(Fault::Again(None));
                    }
                }
                Write::Append(event) => events.push((change, event)),
                _ => {}
            }
        }
        let owners: Vec<_> = allotments.keys().map(|(change, _)| *change).collect();
        let allotments: Vec<_> = allotments.into_values().collect();
        for (change, slot) in owners.into_iter().zip(self.allot_networks(&allotments).await?) {
            if let Some(Ok(outcome)) = answers.get_mut(change) {
                outcome.network_slot = Some(slot);
            }
        }
        let owners: Vec<_> = events.iter().map(|(change, _)| *change).collect();
        let events: Vec<_> = events.into_iter().map(|(_, event)| event).collect();
        for (change, event) in owners.into_iter().zip(self.append_all(&events).await?) {
            if let Some(Ok(outcome)) = answers.get_mut(change) {
                outcome.events.push(event);
            }
        }
        Ok(())
    }
}

/// Whether nothing else of a change can be refused before its claims are.
fn claims_come_first(change: &Change) -> bool {
    change
        .writes
        .iter()
        .skip_while(|write| matches!(write, Write::Reserve { .. }))
        .all(|write| !matches!(write, Write::Reserve { .. }))
}

fn claims(change: &Change) -> Vec<Claim> {
    let claims = change.writes.iter().filter_map(|write| match *write {
        Write::Reserve { server, holder, part, resources, even_if_cordoned: forced } => {
            Some(Claim { server, holder, part, resources, forced })
        }
        _ => None,
    });
    claims.collect()
}
