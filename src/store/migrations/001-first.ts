/**
 * The first schema. Identifiers are text: they arrive from clients as text and must not fail on a cast. Those made
 * here are UUID version 7, so that rows of one time lie together and tables can be cut by time along the key.
 * Times are always given by the caller's clock, never by the database's.
 */
export const first = /* sql */ `
create table operators (
  id text primary key,
  name text not null,
  role text not null check (role in ('registrar', 'auditor', 'administrator')),
  key_sha256 bytea not null unique,
  demo boolean not null default false,
  created_at timestamptz not null,
  created_by text not null,       -- the actor: an operator, or the server process of seed and command
  removed_at timestamptz,
  version integer not null,
  seal bytea not null
);

create table idempotency_keys (
  operator_id text not null,
  key text not null,
  request_sha256 bytea not null,
  status integer,                 -- null while the first request runs
  body jsonb,                     -- the answer, without secrets that are shown once
  created_at timestamptz not null,
  primary key (operator_id, key)
);

create table relying_parties (
  provider text not null,
  client_id text not null,
  name text not null,
  secret_sha256 bytea not null,
  redirect_uris text[] not null,
  callback_urls text[] not null,
  callback_auth_url text,
  callback_auth_secret bytea,     -- encrypted in the HSM; for callback_auth_url alone
  mode text not null check (mode in ('strict', 'lenient')),
  demo boolean not null default false,
  created_at timestamptz not null,
  removed_at timestamptz,
  version integer not null,
  seal bytea not null,
  primary key (provider, client_id)
);

create table access_tokens (
  token_sha256 bytea primary key,
  provider text not null,
  audience text not null,         -- the surface and version it was issued for, such as csc/v2
  client_id text not null,
  subscriber_id text,
  scope text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  grant_id text                   -- of oauth_grants, with which it ends; null: of a client's own
);
create index access_tokens_by_expiry on access_tokens (expires_at);
create index access_tokens_by_grant on access_tokens (grant_id) where grant_id is not null;

-- What a person allowed a relying party (OAuth 2.0), as long as refresh tokens keep it alive.
create table oauth_grants (
  id text collate "C" primary key,
  provider text not null,
  audience text not null,
  client_id text not null,
  subscriber_id text not null,
  scope text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,  -- when its last refresh token ends
  revoked_at timestamptz
);
create index oauth_grants_by_expiry on oauth_grants (expires_at);

-- Used ones stay as long as they would have lived, so that one that comes again is known for what it is.
create table refresh_tokens (
  token_sha256 bytea primary key,
  grant_id text collate "C" not null references oauth_grants (id) on delete cascade,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index refresh_tokens_by_grant on refresh_tokens (grant_id);
create index refresh_tokens_by_expiry on refresh_tokens (expires_at);

-- An authorization request on its way through a browser, until its code was exchanged. Every change of status is one
-- statement that names the status before it, so that each step is taken once, on whatever server.
create table oauth_requests (
  id text collate "C" primary key,
  provider text not null,
  audience text not null,
  client_id text not null,
  status text not null check (status in ('pushed', 'login', 'code', 'phone', 'approved', 'denied', 'answered',
                                         'redeemed')),
  asked json not null,            -- what was asked, checked; json keeps the order of its members
  request_uri_sha256 bytea unique,
  binding_sha256 bytea,           -- the browser it was opened in
  login text,                     -- while a one-time code is waited for
  subscriber_id text,             -- who allows it; null before the login
  activation_id text,
  refusal text,                   -- why, where denied: an error code
  code_sha256 bytea unique,
  code_expires_at timestamptz,
  grant_id text,                  -- what its code was exchanged for
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index oauth_requests_by_client on oauth_requests (provider, client_id, created_at);
create index oauth_requests_by_expiry on oauth_requests (expires_at);

create table subscribers (
  id text primary key,
  provider text not null,
  login text not null,
  password_hash text,
  full_name text not null,
  national_id text not null,
  email text,
  phone text,
  second_factor text not null check (second_factor in ('none', 'code')),
  title text,
  organisation jsonb,             -- {name, taxCode?, budgetUnitCode?}
  locality text,
  province text,
  demo boolean not null default false,
  created_at timestamptz not null,
  version integer not null,
  seal bytea not null,
  unique (provider, login)
);

-- Wrong secrets in a row, of one login at one relying party. The login is an HMAC: what strangers type is not kept.
create table lockouts (
  provider text not null,
  login_mac bytea not null,
  kind text not null,             -- which secret: password, code, pin, otp, totp
  client_id text not null,
  tries integer not null,         -- since the last right one, those being judged included
  judging integer not null,
  changed_at timestamptz not null,
  locked_until timestamptz,
  primary key (provider, login_mac, kind, client_id)
);
create index lockouts_by_change on lockouts (changed_at);

-- The one-time code somebody waits for at a relying party: to log in, and there is none without a right password; or to
-- use a credential.
create table login_codes (
  provider text not null,
  client_id text not null,
  subscriber_id text not null references subscribers (id),
  purpose text not null,          -- login, or a credential's id
  code_mac bytea not null,
  expires_at timestamptz not null, -- as long as the password counts, of whatever code
  tries integer not null,
  sent integer not null,
  primary key (provider, client_id, subscriber_id, purpose)
);
create index login_codes_by_expiry on login_codes (expires_at);

-- What a subscriber's generator of one-time codes shares with us, encrypted in the HSM for this row alone.
create table totp_secrets (
  id text primary key,
  subscriber_id text not null unique references subscribers (id),
  secret bytea not null,
  last_step integer not null,     -- RFC 6238: codes of this time step and those before it are used up
  created_at timestamptz not null
);

create table credentials (
  id text primary key,
  provider text not null,
  subscriber_id text not null references subscribers (id),
  algorithm text not null,
  status text not null check (status in ('issued', 'active', 'suspended', 'revoked')),
  serial_number text not null,    -- upper-case hex
  spki bytea not null,
  certificate bytea not null,     -- DER
  wrapped_key bytea,
  token_key_id bytea,
  not_before timestamptz not null,
  not_after timestamptz not null,
  auth text not null check (auth in ('phone', 'pin', 'otp', 'oauth2code')),
  pin_hash text,                  -- scrypt
  scal text not null check (scal in ('1', '2')),
  multisign integer not null,
  issued_at timestamptz not null,
  published_at timestamptz,
  suspended_at timestamptz,
  revoked_at timestamptz,
  revocation_reason text,
  version integer not null,
  seal bytea not null,
  unique (provider, serial_number),
  check ((wrapped_key is null) <> (token_key_id is null)),
  check ((pin_hash is null) = (auth <> 'pin'))
);
create index credentials_by_subscriber on credentials (subscriber_id, id);
create index credentials_off on credentials (provider, serial_number) where status in ('suspended', 'revoked');

-- With token storage a key exists before its row does. What is named here and has no credential is destroyed at start.
create table pending_keys (
  id text primary key,
  server_id text not null,        -- who makes it; while that server lives the key is not an orphan
  created_at timestamptz not null
);

create table activation_codes (
  id text primary key,
  code_sha256 bytea not null unique,
  subscriber_id text not null references subscribers (id),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  consent text not null check (consent in ('not-needed', 'waiting', 'given', 'refused')),
  consent_by text,                -- the device or operator that gave it
  consent_activation_id text,
  used_at timestamptz,
  used_by_device_id text,
  seal bytea not null             -- a code written with SQL alone must not enrol a device
);
create index activation_codes_by_subscriber on activation_codes (subscriber_id);

create table devices (
  id text primary key,
  provider text not null,
  subscriber_id text not null references subscribers (id),
  name text not null,
  platform text not null,
  spki bytea not null,            -- P-256
  webauthn_id bytea,              -- of the authenticator that recognises its owner, if it has one
  webauthn_spki bytea,
  webauthn_sign_count bigint not null default 0, -- the last one; changes with every use, so it is not sealed
  virtual boolean not null,
  wrapped_key bytea,              -- virtual phones only
  token_key_id bytea,
  created_at timestamptz not null,
  removed_at timestamptz,
  removed_by text,                -- the actor: the device itself, or an operator
  version integer not null,
  seal bytea not null,
  check ((webauthn_id is null) = (webauthn_spki is null))
);
create index devices_by_subscriber on devices (subscriber_id) where removed_at is null;
create index devices_removed on devices (subscriber_id, removed_at) where removed_at is not null and not virtual;

create table virtual_phones (
  subscriber_id text primary key references subscribers (id),
  device_id text not null references devices (id),
  behaviour text not null,
  delay_ms integer not null,
  biometric text not null check (biometric in ('face', 'fingerprint')),
  next jsonb not null default '[]'
);

-- What the simulator would have sent to people's phones and mailboxes.
create table outbox (
  id text collate "C" primary key,
  subscriber_id text not null references subscribers (id),
  channel text not null,
  address text,
  text text not null,
  sent_at timestamptz not null
);
create index outbox_by_subscriber on outbox (subscriber_id, id);
create index outbox_by_time on outbox (sent_at);

-- Single use of the JWTs that devices send.
create table used_token_ids (
  issuer text not null,
  jti text not null,
  expires_at timestamptz not null,
  primary key (issuer, jti)
);
create index used_token_ids_by_expiry on used_token_ids (expires_at);

-- Four tables are cut by month along the time in a UUIDv7 (partitions.ts makes the months): activations, confirmations,
-- reservations, and audit_events along their chain. The default partitions are for rows whose clock was off.
--
-- No index of activations or reservations may name a column that signing changes, not even in its condition: only then
-- are the changes heap-only (HOT) and write to no index. What waits or is open is found by time instead, since nothing
-- does so for long. A heap-only change must stay on its page, so the fillfactor leaves room there: for the three later
-- versions of an activation, of which old ones make room for new ones; and for a reservation with its signatures, which
-- is more than twice what was inserted.
create table activations (
  id text collate "C" primary key,
  provider text not null,
  client_id text not null,
  subscriber_id text not null,
  credential_id text,             -- null for kind device
  kind text not null check (kind in ('digests', 'session', 'device')),
  status text not null check (status in ('waiting', 'confirmed', 'spent', 'rejected', 'expired', 'cancelled')),
  -- for an index that a later change of status does not touch, so that it stays a heap-only one
  waiting boolean not null generated always as (status = 'waiting') stored,
  relying_party_name text not null,
  hash_algorithm_oid text,
  num_signatures integer not null,
  digests bytea not null,         -- num_signatures digests of equal length, one after the other; none for sessions
  document_names text[] not null,
  description text not null,
  valid_until timestamptz,        -- sessions
  nonce text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  refused_tokens integer not null default 0,
  confirmed_at timestamptz,
  ended_at timestamptz,
  ended_reason text,
  sad_sha256 bytea,
  sad_expires_at timestamptz,
  sad_audience text,              -- the API at which the SAD is an access token as well; null: it is none
  sad_used boolean not null default false, -- it has signed, and signs no more before it is renewed
  -- one bit a digest or signature: 0 authorized, 1 reserved; how it ended is told by the reservation
  occurrences bit varying(1000) not null check (length(occurrences) = num_signatures)
) partition by range (id);
create table activations_default partition of activations default with (fillfactor = 50);
create index activations_by_subscriber on activations (subscriber_id, expires_at);
create index activations_waiting on activations (subscriber_id) where waiting;
create index activations_by_expiry on activations (expires_at);

-- The evidence: the biometric challenge token as it came, beside the activation so that the hot row stays small. There
-- is no foreign key: the one statement that inserts here takes the id from the activation's row that it changes.
create table confirmations (
  activation_id text collate "C" primary key,
  device_id text not null,
  token text not null,
  confirmed_at timestamptz not null
) partition by range (activation_id);
create table confirmations_default partition of confirmations default;

-- Which session a relying party has with a credential: what it allows is told, and proved, by the activation.
create table signing_sessions (
  provider text not null,
  client_id text not null,
  credential_id text not null references credentials (id),
  activation_id text collate "C" not null,
  sad_sha256 bytea not null,      -- of the SAD by which it was asked for
  primary key (provider, client_id, credential_id)
);

create table reservations (
  id text collate "C" primary key,
  activation_id text collate "C" not null,
  credential_id text not null,
  credential_version integer not null,
  server_id text not null,
  positions integer[] not null,   -- which occurrences, from 0
  scheme text not null,
  reserved_at timestamptz not null,
  outcome text check (outcome in ('signed', 'partly', 'refused', 'failed')),
  finished_at timestamptz,
  signatures bytea[],             -- by position; null where none was made
  detail text
) partition by range (id);
create table reservations_default partition of reservations default with (fillfactor = 30);

-- What a relying party asked for in a provider's own dialect. The id is its activation's: who may sign what is decided
-- there, and this tells how the dialect calls it and how it ended.
create table transactions (
  id text collate "C" primary key,
  provider text not null,
  client_id text not null,
  dialect text not null,
  name text,                      -- the transaction id that the relying party chose
  request_id text not null,
  request_sha256 bytea not null,  -- tells the same request sent again from another one under the same name
  subscriber_id text not null,
  credential_id text not null,
  details jsonb not null,         -- what the dialect repeats in its answers
  callback_url text,
  created_at timestamptz not null,
  outcome text check (outcome in ('signed', 'rejected', 'expired', 'cancelled', 'failed')),
  ended_at timestamptz,
  reason text,
  signatures bytea[],             -- in the order asked
  try_after timestamptz not null, -- until then a server works on it
  unique (provider, client_id, name)
);
create index transactions_by_name on transactions (provider, name);
create index transactions_by_request on transactions (request_id);
create index transactions_open on transactions (id) where outcome is null;
create index transactions_by_time on transactions (created_at);

-- Documents that were given a place for their signature, until it comes.
-- They wait for an hour at most, and can be prepared anew: without a log of their octets, which would be written twice,
-- they cost half. After a crash of PostgreSQL they are gone; one of a server leaves them.
create unlogged table prepared_documents (
  id text collate "C" primary key,
  provider text not null,
  client_id text not null,
  batch text,                     -- names the request it came with
  certificate bytea not null,     -- whose signature it is to be
  octets integer not null,        -- of the document
  digest bytea not null,          -- SHA-256 of what is signed
  place jsonb not null,           -- where the signature goes, by kind
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index prepared_documents_by_digest on prepared_documents (provider, client_id, digest);
create index prepared_documents_by_time on prepared_documents (expires_at);

create unlogged table prepared_document_parts (
  document_id text collate "C" not null references prepared_documents on delete cascade,
  part integer not null,
  octets bytea not null,
  primary key (document_id, part)
);
-- They are packed already, as far as they can be.
alter table prepared_document_parts alter column octets set storage external;

-- Files that were sent before it was said with which credential they are to be signed.
create table uploaded_files (
  id text collate "C" primary key,
  provider text not null,
  client_id text not null,
  subscriber_id text not null,
  name text not null,
  document bytea not null,
  options jsonb not null,         -- what the dialect remembers of the request
  octets integer not null,        -- that it counts for
  transaction_id text,            -- the last one in which it was asked a signature for
  created_at timestamptz not null,
  expires_at timestamptz not null
);
alter table uploaded_files alter column document set storage external;
create index uploaded_files_by_owner on uploaded_files (provider, client_id);
create index uploaded_files_by_time on uploaded_files (expires_at);

-- CSC signHash in its asynchronous mode: the reservation of the same id has the result.
create table signature_responses (
  id text collate "C" primary key,
  provider text not null,
  client_id text not null,
  subscriber_id text not null,
  credential_id text not null,
  keep_until timestamptz not null,
  response_uri text,
  created_at timestamptz not null,
  queued_at timestamptz           -- when its end was put into deliveries
);
create index signature_responses_to_tell on signature_responses (id) where response_uri is not null and queued_at is null;
create index signature_responses_by_time on signature_responses (keep_until);

-- Results to be posted to a relying party: written with the outcome, shared by all servers.
create table deliveries (
  id text collate "C" primary key,
  transaction_id text collate "C" references transactions (id) on delete cascade,
  response_id text collate "C" references signature_responses (id) on delete cascade,
  provider text not null,
  client_id text not null,
  url text not null,
  status text not null check (status in ('waiting', 'delivered', 'given-up')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((transaction_id is null) <> (response_id is null))
);
-- By relying party, so that what is due for many is found past a long queue for one.
create index deliveries_due on deliveries (provider, client_id, next_attempt_at) where status = 'waiting';
create index deliveries_by_transaction on deliveries (transaction_id);
create index deliveries_by_response on deliveries (response_id) where response_id is not null;
create table delivery_attempts (
  delivery_id text collate "C" not null references deliveries (id) on delete cascade,
  number integer not null,
  at timestamptz not null,
  took_ms integer not null,
  http_status integer,            -- null: no answer
  detail text,                    -- null: acknowledged
  primary key (delivery_id, number)
);

-- Requests in which something was wrong that could be put right: what it was, for the integrator.
create table request_notes (
  request_id text primary key,
  at timestamptz not null,
  provider text not null,
  client_id text not null,
  call text not null,             -- method and path
  error text,                     -- error code of the refusal; null: accepted
  diagnoses jsonb not null        -- [{code, field, found, remedy}]
);
create index request_notes_by_time on request_notes (at);

-- Server processes that share this database; each also holds an advisory lock while it lives.
create table servers (
  id text primary key,
  started_at timestamptz not null,
  settled_until timestamptz not null, -- its reservations from before this have ended
  stopped_at timestamptz          -- with nothing left open
);

-- How far servers have come with what is done along the time.
create table progress (
  what text primary key,
  done_until timestamptz not null
);

create table audit_events (
  chain text collate "C" not null,
  seq bigint not null,
  at timestamptz not null,
  type text not null,
  actor text not null,
  about jsonb not null,
  previous_hash bytea not null,
  hash bytea not null,
  primary key (chain, seq)
) partition by range (chain);
create table audit_events_default partition of audit_events default;
create index audit_events_by_time on audit_events (at);

-- Chains whose end was told of by chain.retired and whose events are being removed.
create table retired_chains (
  chain text primary key,
  seq bigint not null,
  hash bytea not null
);

create table audit_checkpoints (
  id text primary key,
  at timestamptz not null,
  heads jsonb not null,           -- [{chain, seq, hash}]
  spki bytea not null,
  signature bytea not null
);

create table certificate_authorities (
  name text primary key,          -- root, or a provider's name
  certificate bytea not null,
  ocsp_certificate bytea,
  created_at timestamptz not null
);

create table revocation_lists (
  issuer text primary key references certificate_authorities (name),
  number bigint not null,
  this_update timestamptz not null,
  next_update timestamptz not null,
  statuses_version bigint not null,
  der bytea not null
);

-- Counts changes of status per issuer, so that a list knows whether it is behind.
create table status_versions (
  issuer text primary key references certificate_authorities (name),
  version bigint not null
);
`
