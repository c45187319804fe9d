/*
 * gate.c
 *		Nothing leaves before the commit that records it can't be lost.
 *
 * In the broadcaster, outside of transactions.  A row that a snapshot shows is
 * committed, but its commit may be neither flushed (an asynchronous commit) nor
 * confirmed by a standby (whoever waited for that may have been cancelled, and
 * the commit stays).  So the gate doesn't trust that COMMIT returned; it
 * compares positions in the WAL.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "replication/syncrep.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"

#include "chain/gate.h"
#include "core/settings.h"

XLogRecPtr
gate_position(void)
{
	XLogRecPtr	position = GetXLogInsertRecPtr();

	/* Where the next record will begin; behind a page's header that may not be written yet. */
	if (position % wal_segment_size == SizeOfXLogLongPHD)
		position -= SizeOfXLogLongPHD;
	else if (position % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		position -= SizeOfXLogShortPHD;
	return position;
}

bool
gate_is_open(XLogRecPtr position)
{
	int			mode;
	bool		open;

	XLogFlush(position);
	if (dalp_broadcast_durability == BROADCAST_LOCAL ||
		SyncRepStandbyNames == NULL || SyncRepStandbyNames[0] == '\0')
		return true;
	/* Standbys are configured: with none of them there the gate stays shut. */
	mode = dalp_broadcast_durability == BROADCAST_REMOTE_APPLY ? SYNC_REP_WAIT_APPLY : SYNC_REP_WAIT_FLUSH;
	LWLockAcquire(SyncRepLock, LW_SHARED);
	open = WalSndCtl->lsn[mode] >= position;
	LWLockRelease(SyncRepLock);
	return open;
}
