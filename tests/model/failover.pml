/* One failover from server 0 to server 1, its replica; or a restart that lost unsaved data.
 *
 * Checked: never two jobs at once. It depends on --min-replicas (WAIT), on which servers accept
 * writes, and on how long a server grants no lock after its start (the uptime that dlock requires,
 * --trust-restart).
 *
 * WAIT_ACQUIRE   an acquisition counts only if the replica has it
 * WAIT_RENEW     the same for renewals
 * SPLIT          server 0 can be reached and accepts writes after the failover; LAG n: for n ticks
 *                (min-replicas-max-lag)
 * GRACE n        for n ticks server 1 grants no lock, but renews
 * EMPTY          server 1 starts without data
 * CLOCKS n       the clock of server 1 is n ticks ahead
 */
#ifndef TTL
#define TTL 3
#endif
#define LOCK_TTL (TTL + 1)
#ifndef MARGIN
#define MARGIN 1
#endif
#ifndef GRACE
#define GRACE 0
#endif
#ifndef LAG
#define LAG 99
#endif
#ifndef CLOCKS
#define CLOCKS 0
#endif

byte owner[2], owner_left[2];   /* of each server; 0: free, else host + 1 */
byte liveness[4];               /* server * 2 + host */
bool failed_over;
byte grace, lag;

mtype:phase = { idle, asking, running, over };
mtype:phase phase[2] = idle;
byte deadline[2], pending[2];
bool awaits[2], paused[2];
mtype:request = { acquire, renew, release };
mtype:answer = { ok, held, lost };
chan requests[2] = [2] of { mtype:request, bool };   /* bool: the sender waits for the reply */
chan replies[2] = [1] of { mtype:answer };
hidden mtype:request what, what2;
hidden mtype:answer answer;
hidden byte v, wanted, wanted2, replicated, unanswered;

#define executes(h) (!paused[h] && phase[h] == running)
#define judge() assert(!(executes(0) && executes(1)))

inline down(counter) { if :: counter > 0 -> counter-- :: counter == 0 fi }
inline minus(counter, n) { if :: counter > n -> counter = counter - n :: counter <= n -> counter = 0 fi }

inline replicate() {
  owner[1] = owner[0]; owner_left[1] = owner_left[0]; liveness[2] = liveness[0]; liveness[3] = liveness[1];
#if CLOCKS > 0
  minus(liveness[2], CLOCKS); minus(liveness[3], CLOCKS); minus(owner_left[1], CLOCKS);
  if :: owner_left[1] == 0 -> owner[1] = 0 :: owner_left[1] > 0 fi
#endif
}

#define ours (owner[v] == h + 1 && liveness[v * 2 + h] > 0)
#define free (owner[v] == 0 || liveness[v * 2 + owner[v] - 1] == 0)
inline take(h) { owner[v] = h + 1; owner_left[v] = LOCK_TTL; liveness[v * 2 + h] = TTL; answer = ok }

inline serve(h, server) {
  v = server; unanswered = (what == release);
  if
  :: what == acquire && ours -> take(h)
  :: what == acquire && !ours && free && !(v == 1 && grace > 0) -> take(h)
  :: what == acquire && !ours && !(free && !(v == 1 && grace > 0)) -> answer = held
  :: what == renew && ours -> take(h)
  :: what == renew && !ours -> answer = lost
  :: what == release ->
     if :: owner[v] == h + 1 -> owner[v] = 0; owner_left[v] = 0; liveness[v * 2 + h] = 0 :: owner[v] != h + 1 fi
  fi;
  if
  :: v == 1 -> replicated = true                 /* the new master has its own replica */
  :: v == 0 && !failed_over -> if :: replicate(); replicated = true :: replicated = false fi
  :: v == 0 && failed_over -> replicated = false
  fi;
#ifdef WAIT_ACQUIRE
  if :: what == acquire && !unanswered && answer == ok && !replicated -> unanswered = true :: else fi;
#endif
#ifdef WAIT_RENEW
  if :: what == renew && !unanswered && answer == ok && !replicated -> unanswered = true :: else fi;
#endif
  if
  :: !unanswered && wanted -> if :: full(replies[h]) -> replies[h]?_ :: nfull(replies[h]) fi; replies[h]!answer
  :: unanswered || !wanted
  fi;
  judge()
}

inline forget(h) {
  if :: nempty(replies[h]) -> replies[h]?_ :: empty(replies[h]) fi;
  if
  :: requests[h]??[_,true] -> requests[h]??what2,true; requests[h]!!what2,false
  :: !requests[h]??[_,true]
  fi;
  awaits[h] = false
}
inline ends(h) { forget(h); phase[h] = over; deadline[h] = 0; pending[h] = 0 }

#ifdef SPLIT
#define old_is_up (!failed_over || lag < LAG)
#else
#define old_is_up (!failed_over)
#endif

active [2] proctype Host() {
  byte h = _pid;
  do
  :: atomic { nempty(requests[h]) && old_is_up -> requests[h]?what,wanted; serve(h, 0) }
  :: atomic { nempty(requests[h]) && failed_over -> requests[h]?what,wanted; serve(h, 1) }
  :: atomic { len(requests[h]) > 1 && failed_over ->
       requests[h]?what2,wanted2; requests[h]?what,wanted; requests[h]!!what2,wanted2; serve(h, 1) }
  :: atomic { nempty(requests[h]) -> requests[h]?_,_ }
  :: atomic { nempty(replies[h]) -> replies[h]?_ }

  :: atomic { !paused[h] && phase[h] == idle -> phase[h] = asking }
  :: atomic { !paused[h] && (phase[h] == asking || (phase[h] == running && deadline[h] > 0)) && nfull(requests[h]) ->
       forget(h);
       if :: phase[h] == asking -> requests[h]!!acquire,true :: phase[h] == running -> requests[h]!!renew,true fi;
       awaits[h] = true; pending[h] = TTL - MARGIN }
  :: atomic { !paused[h] && awaits[h] && nempty(replies[h]) && !(phase[h] == running && deadline[h] == 0) ->
       replies[h]?answer; awaits[h] = false;
       if
       :: phase[h] == asking && answer == ok && pending[h] > 0 -> deadline[h] = pending[h]; pending[h] = 0; phase[h] = running
       :: phase[h] == asking && answer == ok && pending[h] == 0 -> ends(h)
       :: phase[h] == running && answer == ok -> if :: pending[h] > 0 -> deadline[h] = pending[h] :: pending[h] == 0 fi; pending[h] = 0
       :: phase[h] == running && answer == lost -> ends(h)
       :: else -> pending[h] = 0
       fi;
       judge() }
  :: atomic { !paused[h] && phase[h] == running ->   /* the job ends, is killed, or its machine dies */
       if :: deadline[h] > 0 && nfull(requests[h]) -> requests[h]!!release,false :: true fi;
       ends(h) }
  :: atomic { !paused[h] && (phase[h] == asking || phase[h] == running) -> paused[h] = true }
  :: atomic { paused[h] -> paused[h] = false;
       if :: phase[h] == running && deadline[h] == 0 -> ends(h) :: else fi;
       judge() }
  od
}

#define due(h) (!paused[h] && phase[h] == running && deadline[h] == 0)

active proctype Clock() {
  do
  :: atomic { !due(0) && !due(1) ->
       down(owner_left[0]); if :: owner_left[0] == 0 -> owner[0] = 0 :: owner_left[0] > 0 fi;
       down(owner_left[1]); if :: owner_left[1] == 0 -> owner[1] = 0 :: owner_left[1] > 0 fi;
       down(liveness[0]); down(liveness[1]); down(liveness[2]); down(liveness[3]);
       down(deadline[0]); down(deadline[1]); down(pending[0]); down(pending[1]); down(grace);
       if :: failed_over && lag < LAG && lag < 20 -> lag++ :: else fi }
  od
}

active proctype Failover() {
  do
  :: atomic { !failed_over -> replicate() }
  :: atomic { !failed_over ->
       failed_over = true; grace = GRACE; lag = 0;
#ifdef EMPTY
       owner[1] = 0; owner_left[1] = 0; liveness[2] = 0; liveness[3] = 0
#endif
     }
  od
}
