-- Up Migration
-- Who belongs to which organisation, and what only its members may see.
create table memberships (
  organisation uuid not null,
  member uuid not null,
  primary key (organisation, member)
);
create table notes (
  id bigint generated always as identity primary key,
  organisation uuid not null,
  text text not null
);
alter table notes enable row level security;
create policy members_see_notes on notes for select to scoring_member using (public.is_member_of(organisation));
grant usage on schema app to scoring_member;
grant select on notes to scoring_member;
insert into memberships values ('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001');
insert into notes (organisation, text) values ('00000000-0000-4000-8000-00000000000a', 'For members only');

-- Down Migration
drop table notes;
drop table memberships;
revoke usage on schema app from scoring_member;
