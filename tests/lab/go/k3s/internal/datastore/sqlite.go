// Package datastore serves the cluster's sqlite file as an etcd, with kine, as k3s does.
package datastore

import (
	"context"
	"errors"
	"strconv"
	"sync"

	"github.com/k3s-io/kine/pkg/drivers"
	"github.com/k3s-io/kine/pkg/drivers/generic"
	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/logstructured/sqllog"
	"github.com/k3s-io/kine/pkg/server"
	sqlite "modernc.org/sqlite"
)

// kine's own sqlite driver needs a C compiler. This one has sqlite translated to Go below it, so
// that the stand-in builds without one; tables, indexes and SQL are those that kine expects.
const scheme = "gosqlite"

const uniqueViolation = 2067 // SQLITE_CONSTRAINT_UNIQUE

var tables = []string{
	`CREATE TABLE IF NOT EXISTS kine (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		name INTEGER, created INTEGER, deleted INTEGER, create_revision INTEGER,
		prev_revision INTEGER, lease INTEGER, value BLOB, old_value BLOB)`,
	`CREATE INDEX IF NOT EXISTS kine_name_index ON kine (name)`,
	`CREATE INDEX IF NOT EXISTS kine_name_id_index ON kine (name,id)`,
	`CREATE INDEX IF NOT EXISTS kine_id_deleted_index ON kine (id,deleted)`,
	`CREATE INDEX IF NOT EXISTS kine_prev_revision_index ON kine (prev_revision)`,
	`CREATE UNIQUE INDEX IF NOT EXISTS kine_name_prev_revision_uindex ON kine (name, prev_revision)`,
	`PRAGMA wal_checkpoint(TRUNCATE)`,
}

// Up to the compacted revision, what a newer revision has replaced and what marks a deletion goes.
const compact = `
	DELETE FROM kine WHERE (id <= ? AND deleted != 0) OR id IN (
		SELECT prev_revision FROM kine
		WHERE id <= ? AND prev_revision != 0 AND name != 'compact_rev_key')`

func init() { drivers.Register(scheme, open) }

func open(
	ctx context.Context, tasks *sync.WaitGroup, cfg *drivers.Config,
) (leaderElect bool, backend server.Backend, err error) {
	dialect, err := generic.Open(ctx, tasks, "sqlite", cfg.DataSourceName,
		cfg.ConnectionPoolConfig, "?", false, cfg.MetricsRegisterer)
	if err != nil {
		return false, nil, err
	}
	dialect.LastInsertID = true
	dialect.GetSizeSQL = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	dialect.CompactSQL = compact
	dialect.PostCompactSQL = `PRAGMA wal_checkpoint(FULL)`
	dialect.TranslateErr = func(err error) error {
		if code(err) == uniqueViolation {
			return server.ErrKeyExists
		}
		return err
	}
	dialect.ErrCode = func(err error) string {
		switch number := code(err); {
		case err == nil:
			return ""
		case number != 0:
			return strconv.Itoa(number)
		default:
			return err.Error()
		}
	}
	for _, statement := range tables {
		if _, err := dialect.DB.ExecContext(ctx, statement); err != nil {
			return false, nil, err
		}
	}
	log := sqllog.New(dialect, cfg.CompactInterval, cfg.CompactIntervalJitter, cfg.CompactTimeout,
		cfg.CompactMinRetain, cfg.CompactBatchSize, cfg.PollBatchSize)
	return false, logstructured.New(log), nil
}

func code(err error) int {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		return failure.Code()
	}
	return 0
}
