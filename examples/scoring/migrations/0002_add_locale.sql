-- Up Migration
-- A column with a default: releases that do not know it go on as before.
alter table notes add column locale text not null default 'en';

-- Down Migration
alter table notes drop column locale;
