CREATE SEQUENCE tasker_annotation_types_annotation_type_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_annotation_types.annotation_type_id;

CREATE TABLE tasker_annotation_types (
  annotation_type_id integer NOT NULL DEFAULT nextval('tasker_annotation_types_annotation_type_id_seq'::regclass),
  name character varying(64) NOT NULL,
  description character varying(255),
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_annotation_types_pkey PRIMARY KEY (annotation_type_id)
);

CREATE UNIQUE INDEX annotation_types_name_unique ON tasker_annotation_types USING btree (name);

CREATE TABLE tasker_core_audit (
  audit_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  created_at timestamp(6) without time zone NOT NULL,
  actor character varying(255) NOT NULL,
  action character varying(64) NOT NULL,
  reason text,
  task_id bigint,
  step_id bigint,
  details jsonb,
  CONSTRAINT tasker_core_audit_pkey PRIMARY KEY (audit_id)
);

CREATE INDEX tasker_core_audit_task ON tasker_core_audit USING btree (task_id) WHERE (task_id IS NOT NULL);

CREATE TABLE tasker_core_dead_letters (
  dead_letter_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  subscription character varying(128) NOT NULL,
  partition integer NOT NULL,
  event_id uuid NOT NULL,
  transaction_id xid8 NOT NULL,
  "position" bigint NOT NULL,
  name character varying(128) NOT NULL,
  task_id bigint,
  step_id bigint,
  event_created_at timestamp(6) without time zone NOT NULL,
  payload jsonb NOT NULL,
  reason character varying(16) NOT NULL,
  error jsonb NOT NULL,
  attempts integer NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  redrive_at timestamp(6) without time zone,
  CONSTRAINT tasker_core_dead_letters_event UNIQUE (subscription, event_id),
  CONSTRAINT tasker_core_dead_letters_pkey PRIMARY KEY (dead_letter_id)
);

CREATE INDEX tasker_core_dead_letters_redrive ON tasker_core_dead_letters USING btree (subscription, partition, dead_letter_id) WHERE (redrive_at IS NOT NULL);

CREATE TABLE tasker_core_engines (
  engine_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  fleet character varying(64) NOT NULL,
  host character varying(255) NOT NULL,
  process_id integer NOT NULL,
  version character varying(64) NOT NULL,
  started_at timestamp(6) without time zone NOT NULL,
  heartbeat_at timestamp(6) without time zone NOT NULL,
  expires_at timestamp(6) without time zone NOT NULL,
  templates jsonb NOT NULL,
  backend_pid integer,
  CONSTRAINT tasker_core_engines_pkey PRIMARY KEY (engine_id)
);

CREATE SEQUENCE tasker_core_events_position_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_core_events."position";

CREATE TABLE tasker_core_events (
  "position" bigint NOT NULL DEFAULT nextval('tasker_core_events_position_seq'::regclass),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  event_id uuid NOT NULL,
  name character varying(128) NOT NULL,
  task_id bigint,
  step_id bigint,
  occurred_at timestamp(6) without time zone NOT NULL,
  payload jsonb,
  schema_version smallint NOT NULL DEFAULT 1,
  correlation_id character varying(255),
  causation_id uuid,
  CONSTRAINT tasker_core_events_pkey PRIMARY KEY ("position", occurred_at)
) PARTITION BY RANGE (occurred_at);

CREATE INDEX tasker_core_events_order ON tasker_core_events USING btree (xid, "position");

CREATE INDEX tasker_core_events_time ON tasker_core_events USING brin (occurred_at);

CREATE TABLE tasker_core_events_default (
  "position" bigint NOT NULL DEFAULT nextval('tasker_core_events_position_seq'::regclass),
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  event_id uuid NOT NULL,
  name character varying(128) NOT NULL,
  task_id bigint,
  step_id bigint,
  occurred_at timestamp(6) without time zone NOT NULL,
  payload jsonb,
  schema_version smallint NOT NULL DEFAULT 1,
  correlation_id character varying(255),
  causation_id uuid,
  CONSTRAINT tasker_core_events_default_pkey PRIMARY KEY ("position", occurred_at)
) PARTITION OF tasker_core_events DEFAULT;

CREATE INDEX tasker_core_events_default_created_at_idx ON tasker_core_events_default USING brin (occurred_at);

CREATE INDEX tasker_core_events_default_transaction_id_position_idx ON tasker_core_events_default USING btree (xid, "position");

CREATE TABLE tasker_core_graphs (
  template_hash character varying(64) NOT NULL,
  graph bytea NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_core_graphs_pkey PRIMARY KEY (template_hash)
);

CREATE SEQUENCE tasker_core_migrations_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_core_migrations.id;

CREATE TABLE tasker_core_migrations (
  id integer NOT NULL DEFAULT nextval('tasker_core_migrations_id_seq'::regclass),
  name character varying(255) NOT NULL,
  executed_at timestamp(6) with time zone NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  CONSTRAINT tasker_core_migrations_pkey PRIMARY KEY (id)
);

CREATE TABLE tasker_core_processed_events (
  subscription character varying(128) NOT NULL,
  event_id uuid NOT NULL,
  processed_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_core_processed_events_pkey PRIMARY KEY (subscription, event_id)
);

CREATE INDEX tasker_core_processed_events_time ON tasker_core_processed_events USING brin (processed_at);

CREATE TABLE tasker_core_replays (
  replay_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  subscription character varying(128) NOT NULL,
  partition integer NOT NULL,
  filter jsonb NOT NULL,
  transaction_id xid8 NOT NULL,
  "position" bigint NOT NULL,
  until_transaction_id xid8 NOT NULL,
  until_position bigint NOT NULL,
  delivered bigint NOT NULL DEFAULT 0,
  created_at timestamp(6) without time zone NOT NULL,
  finished_at timestamp(6) without time zone,
  rate double precision,
  total bigint NOT NULL DEFAULT 0,
  seen bigint NOT NULL DEFAULT 0,
  errors bigint NOT NULL DEFAULT 0,
  cancelled_at timestamp(6) without time zone,
  updated_at timestamp(6) without time zone,
  CONSTRAINT tasker_core_replays_pkey PRIMARY KEY (replay_id, partition)
);

CREATE INDEX tasker_core_replays_open ON tasker_core_replays USING btree (subscription, partition) WHERE (finished_at IS NULL);

CREATE TABLE tasker_core_steps (
  step_id bigint NOT NULL,
  next_attempt_at timestamp(6) without time zone,
  CONSTRAINT tasker_core_steps_pkey PRIMARY KEY (step_id),
  CONSTRAINT tasker_core_steps_step_id_fkey FOREIGN KEY (step_id) REFERENCES tasker_workflow_steps(workflow_step_id) ON DELETE CASCADE
);

CREATE TABLE tasker_core_subscriptions (
  name character varying(128) NOT NULL,
  partition integer NOT NULL,
  partitions integer NOT NULL,
  state character varying(16) NOT NULL DEFAULT 'running'::character varying,
  filter jsonb NOT NULL,
  transaction_id xid8 NOT NULL,
  "position" bigint NOT NULL,
  delivered bigint NOT NULL DEFAULT 0,
  errors bigint NOT NULL DEFAULT 0,
  last_success_at timestamp(6) without time zone,
  last_error_at timestamp(6) without time zone,
  last_error text,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_core_subscriptions_pkey PRIMARY KEY (name, partition),
  CONSTRAINT tasker_core_subscriptions_state CHECK (((state)::text = ANY ((ARRAY['running'::character varying, 'paused'::character varying])::text[])))
);

CREATE TABLE tasker_core_tasks (
  task_id bigint NOT NULL,
  priority integer NOT NULL DEFAULT 0,
  correlation_id character varying(100),
  parent_task_id bigint,
  run_at timestamp(6) without time zone,
  paused_at timestamp(6) without time zone,
  template_hash character varying(64),
  trace_context character varying(1024),
  fleet character varying(64) NOT NULL,
  CONSTRAINT tasker_core_tasks_pkey PRIMARY KEY (task_id),
  CONSTRAINT tasker_core_tasks_task_id_fkey FOREIGN KEY (task_id) REFERENCES tasker_tasks(task_id) ON DELETE CASCADE
);

CREATE SEQUENCE tasker_dependent_system_objec_dependent_system_object_map_i_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_dependent_system_object_maps.dependent_system_object_map_id;

CREATE TABLE tasker_dependent_system_object_maps (
  dependent_system_object_map_id bigint NOT NULL DEFAULT nextval('tasker_dependent_system_objec_dependent_system_object_map_i_seq'::regclass),
  dependent_system_one_id integer NOT NULL,
  dependent_system_two_id integer NOT NULL,
  remote_id_one character varying(128) NOT NULL,
  remote_id_two character varying(128) NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT dependent_system_object_maps_dependent_system_one_id_foreign FOREIGN KEY (dependent_system_one_id) REFERENCES tasker_dependent_systems(dependent_system_id),
  CONSTRAINT dependent_system_object_maps_dependent_system_two_id_foreign FOREIGN KEY (dependent_system_two_id) REFERENCES tasker_dependent_systems(dependent_system_id),
  CONSTRAINT tasker_dependent_system_object_maps_pkey PRIMARY KEY (dependent_system_object_map_id)
);

CREATE UNIQUE INDEX dependent_system_object_maps_dependent_system_one_id_dependent_ ON tasker_dependent_system_object_maps USING btree (dependent_system_one_id, dependent_system_two_id, remote_id_one, remote_id_two);

CREATE INDEX dependent_system_object_maps_dependent_system_two_id_index ON tasker_dependent_system_object_maps USING btree (dependent_system_two_id);

CREATE INDEX dependent_system_object_maps_remote_id_one_index ON tasker_dependent_system_object_maps USING btree (remote_id_one);

CREATE INDEX dependent_system_object_maps_remote_id_two_index ON tasker_dependent_system_object_maps USING btree (remote_id_two);

CREATE SEQUENCE tasker_dependent_systems_dependent_system_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_dependent_systems.dependent_system_id;

CREATE TABLE tasker_dependent_systems (
  dependent_system_id integer NOT NULL DEFAULT nextval('tasker_dependent_systems_dependent_system_id_seq'::regclass),
  name character varying(64) NOT NULL,
  description character varying(255),
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_dependent_systems_pkey PRIMARY KEY (dependent_system_id)
);

CREATE UNIQUE INDEX dependent_systems_name_unique ON tasker_dependent_systems USING btree (name);

CREATE SEQUENCE tasker_named_steps_named_step_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_named_steps.named_step_id;

CREATE TABLE tasker_named_steps (
  named_step_id integer NOT NULL DEFAULT nextval('tasker_named_steps_named_step_id_seq'::regclass),
  dependent_system_id integer NOT NULL,
  name character varying(128) NOT NULL,
  description character varying(255),
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT named_steps_dependent_system_id_foreign FOREIGN KEY (dependent_system_id) REFERENCES tasker_dependent_systems(dependent_system_id),
  CONSTRAINT tasker_named_steps_pkey PRIMARY KEY (named_step_id)
);

CREATE UNIQUE INDEX named_step_by_system_uniq ON tasker_named_steps USING btree (dependent_system_id, name);

CREATE INDEX named_steps_name_index ON tasker_named_steps USING btree (name);

CREATE SEQUENCE tasker_named_tasks_named_task_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_named_tasks.named_task_id;

CREATE TABLE tasker_named_tasks (
  named_task_id integer NOT NULL DEFAULT nextval('tasker_named_tasks_named_task_id_seq'::regclass),
  name character varying(64) NOT NULL,
  description character varying(255),
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  task_namespace_id bigint NOT NULL DEFAULT 1,
  version character varying(16) NOT NULL DEFAULT '0.1.0'::character varying,
  configuration jsonb DEFAULT '"{}"'::jsonb,
  CONSTRAINT fk_rails_16a0297759 FOREIGN KEY (task_namespace_id) REFERENCES tasker_task_namespaces(task_namespace_id),
  CONSTRAINT tasker_named_tasks_pkey PRIMARY KEY (named_task_id)
);

CREATE INDEX named_tasks_name_index ON tasker_named_tasks USING btree (name);

CREATE UNIQUE INDEX named_tasks_namespace_name_version_unique ON tasker_named_tasks USING btree (task_namespace_id, name, version);

CREATE SEQUENCE tasker_named_tasks_named_steps_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_named_tasks_named_steps.id;

CREATE TABLE tasker_named_tasks_named_steps (
  id integer NOT NULL DEFAULT nextval('tasker_named_tasks_named_steps_id_seq'::regclass),
  named_task_id integer NOT NULL,
  named_step_id integer NOT NULL,
  skippable boolean NOT NULL DEFAULT false,
  default_retryable boolean NOT NULL DEFAULT true,
  default_retry_limit integer NOT NULL DEFAULT 3,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT named_tasks_named_steps_named_step_id_foreign FOREIGN KEY (named_step_id) REFERENCES tasker_named_steps(named_step_id),
  CONSTRAINT named_tasks_named_steps_named_task_id_foreign FOREIGN KEY (named_task_id) REFERENCES tasker_named_tasks(named_task_id),
  CONSTRAINT tasker_named_tasks_named_steps_pkey PRIMARY KEY (id)
);

CREATE INDEX named_tasks_named_steps_named_step_id_index ON tasker_named_tasks_named_steps USING btree (named_step_id);

CREATE UNIQUE INDEX named_tasks_steps_ids_unique ON tasker_named_tasks_named_steps USING btree (named_task_id, named_step_id);

CREATE VIEW tasker_step_dag_relationships AS
 SELECT step.workflow_step_id,
    step.task_id,
    step.named_step_id,
    incoming.step_ids AS parent_step_ids,
    outgoing.step_ids AS child_step_ids,
    incoming.edge_count AS parent_count,
    outgoing.edge_count AS child_count,
    incoming.edge_count = 0 AS is_root_step,
    outgoing.edge_count = 0 AS is_leaf_step,
    depth.shortest AS min_depth_from_root
   FROM tasker_workflow_steps step
     CROSS JOIN LATERAL ( SELECT count(*) AS edge_count,
            COALESCE(jsonb_agg(edge.from_step_id ORDER BY edge.from_step_id), '[]'::jsonb) AS step_ids
           FROM tasker_workflow_step_edges edge
          WHERE edge.to_step_id = step.workflow_step_id) incoming
     CROSS JOIN LATERAL ( SELECT count(*) AS edge_count,
            COALESCE(jsonb_agg(edge.to_step_id ORDER BY edge.to_step_id), '[]'::jsonb) AS step_ids
           FROM tasker_workflow_step_edges edge
          WHERE edge.from_step_id = step.workflow_step_id) outgoing
     CROSS JOIN LATERAL ( WITH RECURSIVE ancestor(step_id, distance) AS (
                 SELECT step.workflow_step_id,
                    0 AS "?column?"
                UNION
                 SELECT edge.from_step_id,
                    ancestor_1.distance + 1
                   FROM ancestor ancestor_1
                     JOIN tasker_workflow_step_edges edge ON edge.to_step_id = ancestor_1.step_id
                  WHERE ancestor_1.distance < 50
                )
         SELECT min(ancestor.distance) AS shortest
           FROM ancestor
          WHERE NOT (EXISTS ( SELECT 1
                   FROM tasker_workflow_step_edges edge
                  WHERE edge.to_step_id = ancestor.step_id))) depth;

CREATE SEQUENCE tasker_task_annotations_task_annotation_id_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_task_annotations.task_annotation_id;

CREATE TABLE tasker_task_annotations (
  task_annotation_id bigint NOT NULL DEFAULT nextval('tasker_task_annotations_task_annotation_id_seq'::regclass),
  task_id bigint NOT NULL,
  annotation_type_id integer NOT NULL,
  annotation jsonb,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT task_annotations_annotation_type_id_foreign FOREIGN KEY (annotation_type_id) REFERENCES tasker_annotation_types(annotation_type_id),
  CONSTRAINT task_annotations_task_id_foreign FOREIGN KEY (task_id) REFERENCES tasker_tasks(task_id),
  CONSTRAINT tasker_task_annotations_pkey PRIMARY KEY (task_annotation_id)
);

CREATE INDEX task_annotations_annotation_idx1 ON tasker_task_annotations USING gin (annotation jsonb_path_ops);

CREATE INDEX task_annotations_annotation_type_id_index ON tasker_task_annotations USING btree (annotation_type_id);

CREATE INDEX task_annotations_task_id_index ON tasker_task_annotations USING btree (task_id);

CREATE SEQUENCE tasker_task_namespaces_task_namespace_id_seq AS integer START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_task_namespaces.task_namespace_id;

CREATE TABLE tasker_task_namespaces (
  task_namespace_id integer NOT NULL DEFAULT nextval('tasker_task_namespaces_task_namespace_id_seq'::regclass),
  name character varying(64) NOT NULL,
  description character varying(255),
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_task_namespaces_pkey PRIMARY KEY (task_namespace_id)
);

CREATE UNIQUE INDEX task_namespaces_name_unique ON tasker_task_namespaces USING btree (name);

CREATE SEQUENCE tasker_task_transitions_id_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_task_transitions.id;

CREATE TABLE tasker_task_transitions (
  id bigint NOT NULL DEFAULT nextval('tasker_task_transitions_id_seq'::regclass),
  to_state character varying NOT NULL,
  from_state character varying,
  metadata jsonb DEFAULT '{}'::jsonb,
  sort_key integer NOT NULL,
  most_recent boolean NOT NULL DEFAULT true,
  task_id bigint NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT fk_rails_e8caec803c FOREIGN KEY (task_id) REFERENCES tasker_tasks(task_id),
  CONSTRAINT tasker_task_transitions_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX index_tasker_task_transitions_on_task_id_and_most_recent ON tasker_task_transitions USING btree (task_id, most_recent) WHERE (most_recent = true);

CREATE UNIQUE INDEX index_tasker_task_transitions_on_task_id_and_sort_key ON tasker_task_transitions USING btree (task_id, sort_key);

CREATE SEQUENCE tasker_tasks_task_id_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_tasks.task_id;

CREATE TABLE tasker_tasks (
  task_id bigint NOT NULL DEFAULT nextval('tasker_tasks_task_id_seq'::regclass),
  named_task_id integer NOT NULL,
  complete boolean NOT NULL DEFAULT false,
  requested_at timestamp without time zone NOT NULL,
  initiator character varying(128),
  source_system character varying(128),
  reason character varying(128),
  bypass_steps json,
  tags jsonb,
  context jsonb,
  identity_hash character varying(128) NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT tasker_tasks_pkey PRIMARY KEY (task_id),
  CONSTRAINT tasks_named_task_id_foreign FOREIGN KEY (named_task_id) REFERENCES tasker_named_tasks(named_task_id)
);

CREATE INDEX idx_tasks_active_operations ON tasker_tasks USING btree (task_id) WHERE ((complete = false) OR (complete IS NULL));

CREATE UNIQUE INDEX index_tasks_on_identity_hash ON tasker_tasks USING btree (identity_hash);

CREATE INDEX tasks_named_task_id_index ON tasker_tasks USING btree (named_task_id);

CREATE INDEX tasks_requested_at_index ON tasker_tasks USING btree (requested_at);

CREATE SEQUENCE tasker_workflow_step_edges_id_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_workflow_step_edges.id;

CREATE TABLE tasker_workflow_step_edges (
  id bigint NOT NULL DEFAULT nextval('tasker_workflow_step_edges_id_seq'::regclass),
  from_step_id bigint NOT NULL,
  to_step_id bigint NOT NULL,
  name character varying NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT fk_rails_7b4652ccf2 FOREIGN KEY (from_step_id) REFERENCES tasker_workflow_steps(workflow_step_id),
  CONSTRAINT fk_rails_93ec0bf6eb FOREIGN KEY (to_step_id) REFERENCES tasker_workflow_steps(workflow_step_id),
  CONSTRAINT tasker_workflow_step_edges_pkey PRIMARY KEY (id)
);

CREATE INDEX index_step_edges_from_to_composite ON tasker_workflow_step_edges USING btree (from_step_id, to_step_id);

CREATE INDEX index_step_edges_to_from_composite ON tasker_workflow_step_edges USING btree (to_step_id, from_step_id);

CREATE SEQUENCE tasker_workflow_step_transitions_id_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_workflow_step_transitions.id;

CREATE TABLE tasker_workflow_step_transitions (
  id bigint NOT NULL DEFAULT nextval('tasker_workflow_step_transitions_id_seq'::regclass),
  to_state character varying NOT NULL,
  from_state character varying,
  metadata jsonb DEFAULT '{}'::jsonb,
  sort_key integer NOT NULL,
  most_recent boolean NOT NULL DEFAULT true,
  workflow_step_id bigint NOT NULL,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  CONSTRAINT fk_rails_6e0f6eb833 FOREIGN KEY (workflow_step_id) REFERENCES tasker_workflow_steps(workflow_step_id),
  CONSTRAINT tasker_workflow_step_transitions_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX idx_on_workflow_step_id_most_recent_97d5374ad6 ON tasker_workflow_step_transitions USING btree (workflow_step_id, most_recent) WHERE (most_recent = true);

CREATE UNIQUE INDEX idx_on_workflow_step_id_sort_key_4d476d7adb ON tasker_workflow_step_transitions USING btree (workflow_step_id, sort_key);

CREATE INDEX idx_step_transitions_current_state ON tasker_workflow_step_transitions USING btree (workflow_step_id, most_recent, to_state) WHERE (most_recent = true);

CREATE INDEX index_step_transitions_current_errors ON tasker_workflow_step_transitions USING btree (workflow_step_id, most_recent, created_at) WHERE (((to_state)::text = 'error'::text) AND (most_recent = true));

CREATE SEQUENCE tasker_workflow_steps_workflow_step_id_seq AS bigint START 1 INCREMENT 1 CACHE 1
  OWNED BY tasker_workflow_steps.workflow_step_id;

CREATE TABLE tasker_workflow_steps (
  workflow_step_id bigint NOT NULL DEFAULT nextval('tasker_workflow_steps_workflow_step_id_seq'::regclass),
  task_id bigint NOT NULL,
  named_step_id integer NOT NULL,
  retryable boolean NOT NULL DEFAULT true,
  retry_limit integer DEFAULT 3,
  in_process boolean NOT NULL DEFAULT false,
  processed boolean NOT NULL DEFAULT false,
  processed_at timestamp without time zone,
  attempts integer,
  last_attempted_at timestamp without time zone,
  backoff_request_seconds integer,
  inputs jsonb,
  results jsonb,
  created_at timestamp(6) without time zone NOT NULL,
  updated_at timestamp(6) without time zone NOT NULL,
  skippable boolean NOT NULL DEFAULT false,
  CONSTRAINT tasker_workflow_steps_pkey PRIMARY KEY (workflow_step_id),
  CONSTRAINT workflow_steps_named_step_id_foreign FOREIGN KEY (named_step_id) REFERENCES tasker_named_steps(named_step_id),
  CONSTRAINT workflow_steps_task_id_foreign FOREIGN KEY (task_id) REFERENCES tasker_tasks(task_id)
) WITH (fillfactor=50);

CREATE INDEX index_workflow_steps_task_and_id ON tasker_workflow_steps USING btree (task_id, workflow_step_id);

CREATE INDEX workflow_steps_named_step_id_index ON tasker_workflow_steps USING btree (named_step_id);
