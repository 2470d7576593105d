BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0012');
CREATE TABLE annotation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	item_id INTEGER NOT NULL, 
	label_id INTEGER NOT NULL, 
	start_s FLOAT, 
	end_s FLOAT, 
	origin TEXT NOT NULL, 
	source TEXT, 
	confidence FLOAT, 
	run_id INTEGER, 
	created_at TEXT NOT NULL, is_not BOOLEAN DEFAULT 0 NOT NULL, content_hash TEXT, 
	CONSTRAINT ck_annotation_origin CHECK (origin IN ('hand', 'import', 'transfer')), 
	CONSTRAINT fk_annotation_item_id_item FOREIGN KEY(item_id) REFERENCES item (id) ON DELETE CASCADE, 
	CONSTRAINT fk_annotation_label_id_label FOREIGN KEY(label_id) REFERENCES label (id) ON DELETE CASCADE, 
	CONSTRAINT fk_annotation_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "annotation" VALUES(1,1,1,NULL,NULL,'hand',NULL,NULL,2,'2026-11-29T16:35:33+00:00',0,'8791a2ddfe3c2ead3de0fd26ecbf359a');
INSERT INTO "annotation" VALUES(2,2,1,NULL,NULL,'hand',NULL,NULL,2,'2026-11-29T16:35:33+00:00',0,'fa1035221d21b5902843749bbee4a9cc');
INSERT INTO "annotation" VALUES(3,5,2,NULL,NULL,'hand',NULL,NULL,3,'2026-11-29T16:35:33+00:00',0,'f9e80a650c2dc1bf6d5bf40122c2e741');
INSERT INTO "annotation" VALUES(5,3,4,NULL,NULL,'hand',NULL,NULL,5,'2026-11-29T16:35:33+00:00',0,'26e015b3b757af7afddce4e07c88349b');
INSERT INTO "annotation" VALUES(6,3,2,NULL,NULL,'transfer',NULL,0.0824684147373431,6,'2026-11-29T16:35:34+00:00',0,'26e015b3b757af7afddce4e07c88349b');
INSERT INTO "annotation" VALUES(8,6,2,NULL,NULL,'transfer',NULL,0.926090409322099,6,'2026-11-29T16:35:34+00:00',0,'0072486a3f2e74e5f49c2d13fcd37513');
CREATE TABLE exclusion (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	pattern TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	CONSTRAINT uq_exclusion_pattern UNIQUE (pattern)
);
INSERT INTO "exclusion" VALUES(1,'*.tmp','2026-11-29T16:35:33+00:00');
CREATE TABLE failure (
	path BLOB NOT NULL, 
	reason TEXT NOT NULL, 
	error TEXT NOT NULL, 
	size_bytes BIGINT, 
	mtime_ns BIGINT, 
	failed_at TEXT NOT NULL, 
	run_id INTEGER, 
	CONSTRAINT pk_failure PRIMARY KEY (path), 
	CONSTRAINT fk_failure_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "failure" VALUES(X'2F6D656469612F746F726E2E776176','is not a sound that can be read, or is damaged from its start','CorruptMediaError',4,1795970134097390661,'2026-11-29T16:35:34+00:00',9);
CREATE TABLE feature (
	segment_id INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_feature PRIMARY KEY (segment_id), 
	CONSTRAINT fk_feature_segment_id_segment FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
);
INSERT INTO "feature" VALUES(1,X'373B052D052D');
INSERT INTO "feature" VALUES(2,X'003C00000000');
INSERT INTO "feature" VALUES(3,X'052D373B052D');
INSERT INTO "feature" VALUES(4,X'0000003C0000');
INSERT INTO "feature" VALUES(5,X'052D052D373B');
INSERT INTO "feature" VALUES(6,X'00000000003C');
CREATE TABLE forgotten_failure (
	path BLOB NOT NULL, 
	reason TEXT NOT NULL, 
	error TEXT NOT NULL, 
	size_bytes BIGINT, 
	mtime_ns BIGINT, 
	failed_at TEXT NOT NULL, 
	run_id INTEGER, 
	CONSTRAINT pk_forgotten_failure PRIMARY KEY (path), 
	CONSTRAINT fk_forgotten_failure_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "forgotten_failure" VALUES(X'2F6D656469612F62726F6B656E2E776176','is not a sound that can be read, or is damaged from its start','CorruptMediaError',4,1795970134097342620,'2026-11-29T16:35:34+00:00',9);
CREATE TABLE forgotten_item (
	id INTEGER NOT NULL, 
	path BLOB NOT NULL, 
	content_hash TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	duration_s FLOAT, 
	width_px INTEGER, 
	height_px INTEGER, 
	status TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	run_id INTEGER, remarks JSON, 
	CONSTRAINT pk_forgotten_item PRIMARY KEY (id), 
	CONSTRAINT fk_forgotten_item_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "forgotten_item" VALUES(4,X'2F6D656469612F312E776176','e48046417cf941aa6f5b596d45de43af',32044,1795970133199536274,'sound',1.0,NULL,NULL,'ok','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00',10,NULL);
CREATE TABLE generation (
	number INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	CONSTRAINT pk_generation PRIMARY KEY (number)
);
INSERT INTO "generation" VALUES(0,'1e94bc13af63704d041ea6ca1d2f745a');
INSERT INTO "generation" VALUES(1,'99609e7a4557d9622e6b39efb239750a');
INSERT INTO "generation" VALUES(2,'c9073190754deb490a9b49bfa24fdb54');
CREATE TABLE item (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	path BLOB NOT NULL, 
	content_hash TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	kind TEXT NOT NULL, 
	duration_s FLOAT, 
	width_px INTEGER, 
	height_px INTEGER, 
	status TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, remarks JSON, 
	CONSTRAINT ck_item_kind CHECK (kind IN ('image', 'sound', 'video')), 
	CONSTRAINT ck_item_status CHECK (status IN ('ok', 'failed')), 
	CONSTRAINT uq_item_path UNIQUE (path)
);
INSERT INTO "item" VALUES(1,X'2F6D656469612F302E706E67','8791a2ddfe3c2ead3de0fd26ecbf359a',86,1795970133197557955,'image',NULL,8,6,'ok','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00',NULL);
INSERT INTO "item" VALUES(2,X'2F6D656469612F302E776176','fa1035221d21b5902843749bbee4a9cc',32044,1795970133198695019,'sound',1.0,NULL,NULL,'ok','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00',NULL);
INSERT INTO "item" VALUES(3,X'2F6D656469612F312E706E67','26e015b3b757af7afddce4e07c88349b',92,1795970133199101601,'image',NULL,8,6,'ok','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00',NULL);
INSERT INTO "item" VALUES(5,X'2F6D656469612F322E706E67','f9e80a650c2dc1bf6d5bf40122c2e741',88,1795970133199843139,'image',NULL,8,6,'ok','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00',NULL);
INSERT INTO "item" VALUES(6,X'2F6D656469612F322E776176','0072486a3f2e74e5f49c2d13fcd37513',32044,1795970133200310110,'sound',1.0,NULL,NULL,'ok','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00',NULL);
CREATE TABLE kept_annotation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	content_hash TEXT NOT NULL, 
	path BLOB NOT NULL, 
	label_id INTEGER NOT NULL, 
	start_s FLOAT, 
	end_s FLOAT, 
	origin TEXT NOT NULL, 
	source TEXT, 
	confidence FLOAT, 
	run_id INTEGER, 
	created_at TEXT NOT NULL, 
	is_not BOOLEAN DEFAULT 0 NOT NULL, 
	kept_at TEXT NOT NULL, likeness TEXT, 
	CONSTRAINT ck_kept_annotation_origin CHECK (origin IN ('hand', 'import', 'transfer')), 
	CONSTRAINT fk_kept_annotation_label_id_label FOREIGN KEY(label_id) REFERENCES label (id) ON DELETE CASCADE, 
	CONSTRAINT fk_kept_annotation_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "kept_annotation" VALUES(1,'e48046417cf941aa6f5b596d45de43af',X'2F6D656469612F312E776176',1,NULL,NULL,'hand',NULL,NULL,4,'2026-11-29T16:35:33+00:00',1,'2026-11-29T16:35:34+00:00','2629025111-894721375064e053d7516acd0b9ed661');
INSERT INTO "kept_annotation" VALUES(2,'e48046417cf941aa6f5b596d45de43af',X'2F6D656469612F312E776176',2,NULL,NULL,'transfer',NULL,2.38374335639506239326e-02,6,'2026-11-29T16:35:34+00:00',0,'2026-11-29T16:35:34+00:00','2629025111-894721375064e053d7516acd0b9ed661');
CREATE TABLE label (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	created_at TEXT NOT NULL, audioset_id TEXT, means TEXT, added_at TEXT, is_tag BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT uq_label_name UNIQUE (name)
);
INSERT INTO "label" VALUES(1,'low','2026-11-29T16:35:33+00:00',NULL,NULL,NULL,0);
INSERT INTO "label" VALUES(2,'high','2026-11-29T16:35:33+00:00',NULL,NULL,NULL,0);
INSERT INTO "label" VALUES(4,'favourite','2026-11-29T16:35:33+00:00',NULL,NULL,NULL,1);
INSERT INTO "label" VALUES(8,'tone','2026-11-29T16:35:33+00:00',NULL,NULL,NULL,0);
INSERT INTO "label" VALUES(10,'doubtful','2026-11-29T16:35:34+00:00',NULL,NULL,NULL,0);
CREATE TABLE label_parent (
	child_id INTEGER NOT NULL, 
	parent_id INTEGER NOT NULL, 
	CONSTRAINT pk_label_parent PRIMARY KEY (child_id, parent_id), 
	CONSTRAINT fk_label_parent_child_id_label FOREIGN KEY(child_id) REFERENCES label (id) ON DELETE CASCADE, 
	CONSTRAINT fk_label_parent_parent_id_label FOREIGN KEY(parent_id) REFERENCES label (id) ON DELETE CASCADE
);
INSERT INTO "label_parent" VALUES(2,8);
INSERT INTO "label_parent" VALUES(1,8);
CREATE TABLE pipeline (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	modality TEXT NOT NULL, 
	encoder TEXT NOT NULL, 
	dimension INTEGER NOT NULL, 
	dtype TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	specification JSON NOT NULL, 
	CONSTRAINT ck_pipeline_modality CHECK (modality IN ('image', 'sound')), 
	CONSTRAINT ck_pipeline_dtype CHECK (dtype IN ('<f4', '<f2')), 
	CONSTRAINT uq_pipeline_fingerprint UNIQUE (fingerprint)
);
INSERT INTO "pipeline" VALUES(1,'image','toy-image',3,'<f2','db24dd63d5d6e947d16ae94725b361aa','{"decoder": {"revision": "4", "shorter_side_px": 384, "longer_side_px": 8192, "filter": "mean", "orientation": "exif", "background": "white, or black", "fading_luma": 64.0, "fading_more": 0.25, "black_mean_luma": 4.0, "black_high_luma": 16.0, "flat_apart": 16.0, "flat_block_px": 4, "frame_interval_s": 2.0}, "encoder": {"name": "toy-image", "revision": "1", "dimension": 3, "preparation": {}, "weights": ""}, "encoder_fingerprint": "ee65544111436bb6d796ed5c2be87c5b", "dtype": "<f2"}');
INSERT INTO "pipeline" VALUES(2,'sound','toy-sound',3,'<f2','0f56c45cda3e6398e01d153e41341e1a','{"decoder": {"revision": "4", "sample_rate_hz": 16000, "resampler": "soxr HQ", "channels": "loudest", "most_channels": 16, "window_s": 10.0, "hop_s": 5.0, "silence_db": -60.0, "dither_steps": 3.0, "lossy_floor": 1e-05}, "encoder": {"name": "toy-sound", "revision": "1", "dimension": 3, "preparation": {}, "weights": ""}, "encoder_fingerprint": "507d9f875e12bfb64704263722056bc0", "dtype": "<f2"}');
CREATE TABLE remnant (
	segment_id INTEGER NOT NULL, 
	CONSTRAINT pk_remnant PRIMARY KEY (segment_id), 
	CONSTRAINT fk_remnant_segment_id_segment FOREIGN KEY(segment_id) REFERENCES segment (id) ON DELETE CASCADE
);
INSERT INTO "remnant" VALUES(4);
CREATE TABLE removal (
	segment_id INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	CONSTRAINT pk_removal PRIMARY KEY (segment_id)
);
INSERT INTO "removal" VALUES(4,2);
CREATE TABLE root (
	name TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	folder BLOB NOT NULL, 
	CONSTRAINT pk_root PRIMARY KEY (name, machine)
);
CREATE TABLE run (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	verb TEXT NOT NULL, 
	arguments JSON NOT NULL, 
	versions JSON NOT NULL, 
	started_at TEXT NOT NULL, 
	finished_at TEXT, 
	outcome JSON
);
INSERT INTO "run" VALUES(1,'index','{"paths": ["/media"], "prune": false, "dry_run": false, "workers": null, "exclude": [], "follow_symlinks": false, "retry_failed": false, "rehash": false}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00','{"added": 6, "updated": 0, "unchanged": 0, "moved": 0, "removed": 0, "failed": 0, "seconds": 0.339, "dry_run": false, "stage_seconds": {"decode": 0.5490860800200608, "encode": 0.0014148740156088024, "hash": 0.0005972450016997755, "store": 0.01132681300805416}, "out_of_reach": 0, "gone_failures": 0, "passed_over": {}, "unread": {}, "other_files": 0, "noticed": {}, "rehashed": 0}');
INSERT INTO "run" VALUES(2,'label','{"labels": ["low"], "not": null, "tags": null, "items": 2, "start_s": null, "end_s": null}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00','{"added": 2}');
INSERT INTO "run" VALUES(3,'label','{"labels": ["high"], "not": null, "tags": null, "items": 1, "start_s": null, "end_s": null}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00','{"added": 1}');
INSERT INTO "run" VALUES(4,'label','{"labels": [], "not": ["low"], "tags": null, "items": 1, "start_s": null, "end_s": null}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00','{"added": 1}');
INSERT INTO "run" VALUES(5,'label','{"labels": ["favourite"], "not": null, "tags": true, "items": 1, "start_s": null, "end_s": null}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:33+00:00','2026-11-29T16:35:33+00:00','{"added": 1}');
INSERT INTO "run" VALUES(6,'transfer','{"by": "knn", "names": null, "level": null, "min_confidence": 0.0, "max_confidence": null}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:34+00:00','2026-11-29T16:35:34+00:00','{"added": 3}');
INSERT INTO "run" VALUES(7,'label','{"labels": ["doubtful"], "not": null, "tags": true, "items": 1, "start_s": null, "end_s": null}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:34+00:00','2026-11-29T16:35:34+00:00','{"added": 1}');
INSERT INTO "run" VALUES(8,'unlabel','{"labels": ["doubtful"], "tags": true, "items": 1}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:34+00:00','2026-11-29T16:35:34+00:00','{"removed": 1}');
INSERT INTO "run" VALUES(9,'index','{"paths": ["/media/broken.wav", "/media/torn.wav"], "prune": false, "dry_run": false, "workers": null, "exclude": [], "follow_symlinks": false, "retry_failed": false, "rehash": false}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:34+00:00','2026-11-29T16:35:34+00:00','{"added": 0, "updated": 0, "unchanged": 0, "moved": 0, "removed": 0, "failed": 2, "seconds": 0.099, "dry_run": false, "stage_seconds": {"decode": 0.14106290899508167, "store": 0.0007824579952284694}, "out_of_reach": 0, "gone_failures": 0, "passed_over": {}, "unread": {}, "other_files": 0, "noticed": {}, "rehashed": 0}');
INSERT INTO "run" VALUES(10,'forget','{"paths": ["/media/1.wav", "/media/broken.wav"]}','{"python": "3.11.7", "modag-search": "0.1.0", "av": "18.1.0", "faiss-cpu": "1.15.1", "numpy": "2.4.6", "pillow": "13.0.0", "soundfile": "0.14.0", "soxr": "1.1.0", "sqlalchemy": "2.1.9", "torch": "2.14.1"}','2026-11-29T16:35:34+00:00','2026-11-29T16:35:34+00:00','{"removed": 1, "failures": 1, "passed": [], "moved": [], "kept": [1, 2]}');
CREATE TABLE "segment" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	item_id INTEGER NOT NULL, 
	pipeline_id INTEGER NOT NULL, 
	modality TEXT NOT NULL, 
	start_s FLOAT, 
	end_s FLOAT, 
	status TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	feature_checksum BIGINT, 
	CONSTRAINT ck_segment_modality CHECK (modality IN ('image', 'sound')), 
	CONSTRAINT ck_segment_status CHECK (status IN ('ok', 'silent', 'black', 'flat')), 
	CONSTRAINT fk_segment_pipeline_id_pipeline FOREIGN KEY(pipeline_id) REFERENCES pipeline (id)
);
INSERT INTO "segment" VALUES(1,1,1,'image',NULL,NULL,'ok',1,1102025360);
INSERT INTO "segment" VALUES(2,2,2,'sound',0.0,1.0,'ok',1,3574854692);
INSERT INTO "segment" VALUES(3,3,1,'image',NULL,NULL,'ok',1,2771696124);
INSERT INTO "segment" VALUES(4,4,2,'sound',0.0,1.0,'ok',1,2629025111);
INSERT INTO "segment" VALUES(5,5,1,'image',NULL,NULL,'ok',1,4263098164);
INSERT INTO "segment" VALUES(6,6,2,'sound',0.0,1.0,'ok',1,2662194468);
CREATE TABLE state (
	id INTEGER NOT NULL, 
	generation INTEGER NOT NULL, 
	label_generation INTEGER NOT NULL, label_mode TEXT DEFAULT 'auto' NOT NULL, change_count BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT pk_state PRIMARY KEY (id), 
	CONSTRAINT ck_state_single_row CHECK (id = 1)
);
INSERT INTO "state" VALUES(1,2,5,'auto',35);
CREATE TABLE superseded_annotation (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	superseded_by INTEGER NOT NULL, 
	item_id INTEGER NOT NULL, 
	content_hash TEXT NOT NULL, 
	label_id INTEGER NOT NULL, 
	start_s FLOAT, 
	end_s FLOAT, 
	origin TEXT NOT NULL, 
	source TEXT, 
	confidence FLOAT, 
	run_id INTEGER, 
	created_at TEXT NOT NULL, 
	is_not BOOLEAN DEFAULT 0 NOT NULL, 
	is_tag BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT ck_superseded_annotation_origin CHECK (origin IN ('hand', 'import', 'transfer')), 
	CONSTRAINT fk_superseded_annotation_superseded_by_run FOREIGN KEY(superseded_by) REFERENCES run (id), 
	CONSTRAINT fk_superseded_annotation_label_id_label FOREIGN KEY(label_id) REFERENCES label (id) ON DELETE CASCADE, 
	CONSTRAINT fk_superseded_annotation_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
INSERT INTO "superseded_annotation" VALUES(1,8,3,'26e015b3b757af7afddce4e07c88349b',10,NULL,NULL,'hand',NULL,NULL,7,'2026-11-29T16:35:34+00:00',0,1);
CREATE INDEX ix_removal_generation ON removal (generation);
CREATE INDEX ix_annotation_run_id ON annotation (run_id);
CREATE UNIQUE INDEX ix_label_audioset_id ON label (audioset_id);
CREATE INDEX ix_label_parent_parent_id ON label_parent (parent_id);
CREATE UNIQUE INDEX uq_annotation_place ON annotation (item_id, label_id, coalesce(start_s, -1), coalesce(end_s, -1), origin);
CREATE INDEX ix_kept_annotation_label_id ON kept_annotation (label_id);
CREATE INDEX ix_kept_annotation_run_id ON kept_annotation (run_id);
CREATE INDEX ix_item_size_bytes ON item (size_bytes);
CREATE INDEX ix_annotation_content_hash ON annotation (content_hash);
CREATE INDEX ix_annotation_row ON annotation (label_id, item_id, start_s, end_s, origin, source, confidence, created_at, is_not);
CREATE INDEX ix_exclusion_row ON exclusion (created_at);
CREATE INDEX ix_failure_row ON failure (reason, error, size_bytes, mtime_ns, failed_at, run_id);
CREATE INDEX ix_forgotten_item_row ON forgotten_item (path, content_hash, size_bytes, mtime_ns, kind, duration_s, width_px, height_px, remarks, status, created_at, updated_at, run_id);
CREATE INDEX ix_generation_row ON generation (token);
CREATE INDEX ix_item_row ON item (content_hash, mtime_ns, kind, duration_s, width_px, height_px, remarks, status, created_at, updated_at);
CREATE INDEX ix_label_row ON label (created_at, means, added_at, is_tag);
CREATE INDEX ix_pipeline_row ON pipeline (modality, encoder, dimension, dtype, specification);
CREATE INDEX ix_run_row ON run (verb, arguments, versions, started_at, finished_at, outcome);
CREATE INDEX ix_state_row ON state (generation, label_generation, label_mode, change_count);
CREATE INDEX ix_root_row ON root (folder);
CREATE INDEX ix_forgotten_failure_row ON forgotten_failure (reason, error, size_bytes, mtime_ns, failed_at, run_id);
CREATE INDEX ix_segment_pipeline_id_generation ON segment (pipeline_id, generation);
CREATE INDEX ix_segment_row ON segment (item_id, modality, start_s, end_s, status);
CREATE INDEX ix_segment_feature_checksum ON segment (feature_checksum);
CREATE INDEX ix_superseded_annotation_superseded_by ON superseded_annotation (superseded_by);
CREATE INDEX ix_superseded_annotation_label_id ON superseded_annotation (label_id);
CREATE INDEX ix_superseded_annotation_run_id ON superseded_annotation (run_id);
CREATE INDEX ix_superseded_annotation_row ON superseded_annotation (item_id, content_hash, start_s, end_s, origin, source, confidence, created_at, is_not, is_tag);
CREATE INDEX ix_kept_annotation_row ON kept_annotation (content_hash, path, start_s, end_s, origin, source, confidence, created_at, is_not, kept_at, likeness);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('segment',6);
INSERT INTO "sqlite_sequence" VALUES('run',10);
INSERT INTO "sqlite_sequence" VALUES('pipeline',2);
INSERT INTO "sqlite_sequence" VALUES('item',6);
INSERT INTO "sqlite_sequence" VALUES('label',11);
INSERT INTO "sqlite_sequence" VALUES('superseded_annotation',1);
INSERT INTO "sqlite_sequence" VALUES('annotation',9);
INSERT INTO "sqlite_sequence" VALUES('exclusion',1);
INSERT INTO "sqlite_sequence" VALUES('kept_annotation',2);
COMMIT;
PRAGMA user_version = -1954673319;
