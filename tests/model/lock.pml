/* One lock on one Redis: runs of dlock, and programs that use the Node library.
 *
 * Checked: as long as a job of dlock runs, no other client has the lock. README.md maps each rule
 * here to the code. `check` has the bounds, and the safeguards that are removed to prove that they
 * are necessary.
 *
 * Time is discrete. It does not advance while an immediate action of the kernel is due: a kill at
 * its time. Everything else can happen at any time or never: requests are delivered late, in any
 * order, or not at all; machines are suspended and resumed; runs die and are stopped.
 */

/* --- bounds --- */
#ifndef HOSTS
#define HOSTS 2
#endif
#ifndef RUNS
#define RUNS 1        /* per host, one after the other */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2    /* owner hashes that one run can use */
#endif
#ifndef IN_FLIGHT
#define IN_FLIGHT 2   /* concurrent requests of one host */
#endif
#ifndef TTL
#define TTL 3         /* --ttl, in ticks: lifetime of the liveness key */
#endif
#ifndef LOCK_TTL
#define LOCK_TTL (TTL + 1)
#endif
#ifndef KILL
#define KILL 0        /* ticks that a kill can take */
#endif
#ifndef DRIFT
#define DRIFT 0       /* ticks that the clock of a host can lose in one lease */
#endif
#ifndef FRONT_DELAY
#define FRONT_DELAY 0 /* ticks between the kill of the engine and that of the front */
#endif
#ifndef MARGIN
#define MARGIN (1 + KILL + DRIFT + FRONT_DELAY)
#endif
#ifndef MIN_HOLD
#define MIN_HOLD 0    /* ticks for which a lock is kept after its run */
#endif
#ifndef PEERS
#define PEERS 0       /* bit h: host h is a program with the Node library */
#endif

/* --- faults: all except those that a check enables (-DSTOPS, -DFORCE) can be disabled --- */
#ifdef NO_LOSS
#define LOSS 0
#else
#define LOSS 1
#endif
#ifdef NO_REORDER
#define REORDER 0
#else
#define REORDER 1
#endif
#ifdef NO_CRASH
#define CRASH 0
#else
#define CRASH 1
#endif
#ifdef NO_PAUSE
#define PAUSE 0
#else
#define PAUSE 1
#endif

/* --- names of runs ---
 * Each attempt to acquire the lock has its own owner hash (1...), each run its own process hash. */
#define PROCESSES (HOSTS * RUNS)
#define owner_hash(h, n) ((h * RUNS + host[h].turn) * ATTEMPTS + n + 1)
#define process_of(owner) ((owner - 1) / ATTEMPTS)
#define host_of(owner) (process_of(owner) / RUNS)
#define is_peer(h) ((PEERS >> h) & 1)

/* --- the server --- */
byte lock_owner;              /* 0: free */
byte lock_left;               /* ticks */
bool lock_forced;             /* the tombstone of `dlock unlock --force` */
byte liveness[PROCESSES];     /* ticks; 0: expired or never written */

/* --- the hosts --- */
mtype:phase = { idle, starting, asking, looking, deleting, running, dying };
typedef Host {
  mtype:phase phase = idle;
  byte turn;             /* the number of its current run */
  byte attempts;         /* owner hashes used */
  byte owner;            /* under which it holds the lock; for a peer: the one it checks */
  byte deadline;         /* ticks until the job is killed */
  byte pending;          /* the deadline if the request under way is answered */
  byte lost, pending_lost; /* ticks that the clock has lost meanwhile */
  byte kill_left;
  byte late;             /* ticks since the deadline, for the front */
  bool awaits;           /* waits for a reply */
  bool paused;           /* the machine is suspended while time advances */
  bool engine_stopped;
  bool front_stopped;
}
Host host[HOSTS];

/* A request can be answered (`wanted`), or only applied: see forget(). */
mtype:request = { acquire, renew, release, create, look, delete, report, check };
mtype:answer = { ok, held, gone, alive, dead };
chan requests[HOSTS] = [IN_FLIGHT] of { mtype:request, byte, byte, bool };
chan replies[HOSTS] = [1] of { mtype:answer, byte };

/* Temporary values, written before they are read in each step. */
hidden mtype:request what, what2;
hidden mtype:answer answer;
hidden byte id, about, id2, about2, by, i;
hidden byte wanted, wanted2, answered;
bool force_used;

#define executes(h) (!host[h].paused && (host[h].phase == running || host[h].phase == dying))
#define dlock_executes(h) (!is_peer(h) && executes(h))

/* --- the invariant --- */
inline judge() {
  i = 0;
  do
  :: i < HOSTS && dlock_executes(i) ->
     assert(lock_owner == 0 || host_of(lock_owner) == i);
     i++
  :: i < HOSTS && !dlock_executes(i) -> i++
  :: i == HOSTS -> break
  od;
#if PEERS == 0
#if HOSTS == 2
  assert(executes(0) + executes(1) <= 1)
#else
  assert(executes(0) + executes(1) + executes(2) <= 1)
#endif
#endif
}

/* --- the scripts --- */
inline grant() {
  lock_owner = id; lock_left = LOCK_TTL; lock_forced = false;
  answer = ok; by = id;
  judge()
}

#define ours (lock_owner != 0 && process_of(lock_owner) == process_of(id))
#define adoptable (ours && !lock_forced && liveness[process_of(id)] > 0)
#define in_the_way (lock_owner != 0 && !ours && liveness[process_of(lock_owner)] > 0)

inline serve(h) {
  answer = gone; by = 0; answered = true;
  if
  :: what == acquire ->
     if
     :: adoptable -> lock_left = LOCK_TTL; liveness[process_of(id)] = TTL; answer = ok; by = lock_owner
     :: !adoptable && !in_the_way -> liveness[process_of(id)] = TTL; grant()
     :: in_the_way -> answer = held
     fi
  :: what == renew ->
     if
#ifdef REVIVE   /* --on-silence=continue, without peers that delete expired keys */
     :: lock_owner == id && !lock_forced -> lock_left = LOCK_TTL; liveness[process_of(id)] = TTL; answer = ok
     :: lock_owner != id || lock_forced -> answer = gone
#else
     :: lock_owner == id && !lock_forced && liveness[process_of(id)] > 0 ->
        lock_left = LOCK_TTL; liveness[process_of(id)] = TTL; answer = ok
     :: !(lock_owner == id && !lock_forced && liveness[process_of(id)] > 0) -> answer = gone
#endif
     fi
  :: what == release ->
     answered = false;
     if
     :: ours && about == 0 -> lock_owner = 0; lock_left = 0; lock_forced = false; liveness[process_of(id)] = 0
     :: ours && about > 0 -> lock_left = about; liveness[process_of(id)] = about
     :: !ours -> skip
     fi
  /* The commands and scripts of the Node library. */
  :: what == create ->
     if
     :: lock_owner == 0 -> grant()
     :: lock_owner != 0 -> answer = held; by = lock_owner
     fi
  :: what == look ->
     by = about;
     if
     :: liveness[process_of(about)] > 0 -> answer = alive
     :: liveness[process_of(about)] == 0 -> answer = dead
     fi
  :: what == delete ->
     answer = ok;
     if
     :: lock_owner == about && !lock_forced -> lock_owner = 0; lock_left = 0
     :: lock_owner != about || lock_forced -> skip
     fi
  :: what == report -> liveness[process_of(id)] = TTL; answer = ok
  :: what == check ->
     if
     :: lock_owner == id && !lock_forced -> lock_left = LOCK_TTL; answer = ok
     :: lock_owner != id || lock_forced -> answer = gone
     fi
  fi;
  if
  :: answered && wanted -> if :: full(replies[h]) -> replies[h]?_,_ :: nfull(replies[h]) fi; replies[h]!answer,by
  :: !(answered && wanted) -> skip
  fi
}

/* --- the network --- */
inline forget(h) {
  /* The connection of an older request is closed: its reply is never read. But it can still be
   * applied, at any later time. */
#ifndef STALE_REPLIES
  if :: nempty(replies[h]) -> replies[h]?_,_ :: empty(replies[h]) fi;
  if
  :: requests[h]??[_,_,_,true] -> requests[h]??what2,id2,about2,true; requests[h]!!what2,id2,about2,false
  :: !requests[h]??[_,_,_,true] -> skip
  fi;
#endif
  host[h].awaits = false
}
inline ask(h, request, name, whom) {
  forget(h);
  requests[h]!!request,name,whom,true;
  host[h].awaits = true
}
/* Sent without waiting for the reply; or the sender dies before sending it. */
inline tell(h, request, name, whom) {
  if
  :: nfull(requests[h]) -> requests[h]!!request,name,whom,false
  :: skip
  fi
}

proctype Network(byte h) {
  do
  :: atomic { nempty(requests[h]) -> requests[h]?what,id,about,wanted; serve(h) }
  :: atomic { REORDER && len(requests[h]) > 1 ->
       requests[h]?what2,id2,about2,wanted2; requests[h]?what,id,about,wanted;
       requests[h]!!what2,id2,about2,wanted2; serve(h) }
  :: atomic { LOSS && nempty(requests[h]) -> requests[h]?_,_,_,_ }
  :: atomic { LOSS && len(requests[h]) > 1 ->
       requests[h]?what2,id2,about2,wanted2; requests[h]?_,_,_,_; requests[h]!!what2,id2,about2,wanted2 }
  :: atomic { LOSS && nempty(replies[h]) -> replies[h]?_,_ }
  od
}

/* --- a run of dlock --- */
inline over(h) {
  /* The next run is another process, with its own process hash. */
  forget(h);
  host[h].phase = idle; host[h].attempts = 0; host[h].owner = 0; host[h].deadline = 0; host[h].pending = 0;
  host[h].lost = 0; host[h].pending_lost = 0; host[h].kill_left = 0; host[h].late = 0;
  host[h].engine_stopped = false; host[h].front_stopped = false;
#ifndef REUSE
  host[h].turn++
#endif
}
inline let_go(h, keep) {
  tell(h, release, owner_hash(h, 0), keep);
  over(h)
}
inline kill_job(h) {
  host[h].phase = dying; host[h].kill_left = KILL
}

#ifdef FROM_REPLY
#define start_of_lease(h) (TTL - MARGIN)
#define in_time(h) true
#else
#define start_of_lease(h) host[h].pending
#define in_time(h) (host[h].pending > 0)
#endif
inline believe(h) {
  host[h].deadline = start_of_lease(h);
#ifdef FROM_REPLY
  host[h].lost = 0
#else
  host[h].lost = host[h].pending_lost
#endif
}
inline count_lease(h) {
  host[h].pending = TTL - MARGIN; host[h].pending_lost = 0
}
#define out_of_time(h) (host[h].phase == running && host[h].deadline == 0)
#define engine_acts(h) (!host[h].paused && !host[h].engine_stopped)
#ifdef NO_FRONT
#define front_acts(h) false
#else
#define front_acts(h) (!host[h].paused && !host[h].front_stopped)
#endif

proctype Dlock(byte h) {
  do
  :: atomic { !host[h].paused && host[h].phase == idle && host[h].turn < RUNS -> host[h].phase = asking }

  /* acquires the lock */
  :: atomic { !host[h].paused && host[h].phase == asking && host[h].attempts < ATTEMPTS && nfull(requests[h]) ->
       ask(h, acquire, owner_hash(h, host[h].attempts), 0);
#ifndef SAME_HASH
       host[h].attempts++;
#endif
       count_lease(h) }
  :: atomic { !host[h].paused && host[h].phase == asking -> let_go(h, 0) }   /* gives up */

  /* renews it */
  :: atomic { engine_acts(h) && host[h].phase == running && host[h].deadline > 0 && nfull(requests[h]) ->
       ask(h, renew, host[h].owner, 0); count_lease(h) }

  /* reads a reply */
  :: atomic { engine_acts(h) && host[h].awaits && nempty(replies[h]) && !out_of_time(h) ->
       replies[h]?answer,by; host[h].awaits = false;
       if
       :: host[h].phase == asking && answer == ok && in_time(h) ->
          believe(h); host[h].owner = by; host[h].phase = running; host[h].attempts = 0; host[h].pending = 0; judge()
       :: host[h].phase == asking && answer == ok && !in_time(h) -> let_go(h, 0)
       :: host[h].phase == asking && answer == held ->
          host[h].pending = 0;
#ifndef SAME_HASH
          host[h].attempts--   /* nothing was stored with its hash */
#endif
       :: host[h].phase == running && answer == ok ->
          if :: in_time(h) -> believe(h) :: !in_time(h) -> skip fi;
          host[h].pending = 0
       :: host[h].phase == running && answer == gone -> host[h].pending = 0; kill_job(h)
       :: else -> skip
       fi }

  /* the job ends: by itself, or at its deadline */
  :: atomic { engine_acts(h) && host[h].phase == running && !out_of_time(h) -> let_go(h, MIN_HOLD) }
  :: atomic { engine_acts(h) && out_of_time(h) -> kill_job(h) }
  :: atomic { front_acts(h) && out_of_time(h) && host[h].engine_stopped && host[h].late == FRONT_DELAY -> kill_job(h) }
  :: atomic { !host[h].paused && host[h].phase == dying ->
       if
       :: host[h].engine_stopped -> over(h)     /* the front has killed it, and does not release */
       :: !host[h].engine_stopped -> let_go(h, 0)
       fi }

  /* faults */
  :: atomic { CRASH && host[h].phase != idle -> host[h].paused = false; over(h) }   /* the machine dies */
  :: atomic { CRASH && !host[h].paused && host[h].phase == running -> kill_job(h) }  /* one supervisor dies: the other kills */
  :: atomic { PAUSE && !host[h].paused && host[h].phase != idle -> host[h].paused = true }
  :: atomic { host[h].paused -> host[h].paused = false;
#ifndef SLOW_RESUME
       if
       /* the kill comes before the job continues */
       :: out_of_time(h) && (!host[h].engine_stopped || (front_acts(h) && host[h].late == FRONT_DELAY)) -> over(h)
       :: host[h].phase == dying && host[h].kill_left == 0 -> over(h)
       :: else -> skip
       fi;
#endif
       judge() }
#ifdef STOPS
  :: atomic { host[h].phase == running && !host[h].engine_stopped && !host[h].front_stopped -> host[h].engine_stopped = true }
  :: atomic { host[h].phase == running && !host[h].engine_stopped && !host[h].front_stopped -> host[h].front_stopped = true }
  :: atomic { host[h].engine_stopped -> host[h].engine_stopped = false }
  :: atomic { host[h].front_stopped -> host[h].front_stopped = false }
#endif
  od
}

/* --- a program with the Node library: it refreshes its liveness, but its work is not killed --- */
proctype Peer(byte h) {
  do
  :: atomic { !host[h].paused && host[h].phase == idle && host[h].turn < RUNS -> host[h].phase = starting }
  :: atomic { !host[h].paused && host[h].phase == starting && !host[h].awaits && nfull(requests[h]) ->
       ask(h, report, owner_hash(h, 0), 0) }
  :: atomic { !host[h].paused && host[h].phase > idle && host[h].phase != starting && nfull(requests[h]) ->
       requests[h]!!report,owner_hash(h, 0),0,false }
  :: atomic { !host[h].paused && host[h].phase == asking && !host[h].awaits && nfull(requests[h]) ->
       ask(h, create, owner_hash(h, 0), 0) }
  :: atomic { !host[h].paused && host[h].phase == looking && !host[h].awaits && nfull(requests[h]) ->
       ask(h, look, owner_hash(h, 0), host[h].owner) }
  :: atomic { !host[h].paused && host[h].phase == deleting && !host[h].awaits && nfull(requests[h]) ->
       ask(h, delete, owner_hash(h, 0), host[h].owner) }
  :: atomic { !host[h].paused && host[h].phase == running && !host[h].awaits && nfull(requests[h]) ->
       ask(h, check, owner_hash(h, 0), 0) }
  :: atomic { !host[h].paused && host[h].awaits && nempty(replies[h]) ->
       replies[h]?answer,by; host[h].awaits = false;
       if
       :: host[h].phase == starting -> host[h].phase = asking
       :: host[h].phase == asking && answer == ok -> host[h].phase = running; host[h].owner = 0
       :: host[h].phase == asking && answer == held -> host[h].phase = looking; host[h].owner = by
       :: host[h].phase == looking && answer == dead -> host[h].phase = deleting
       :: host[h].phase == looking && answer == alive -> host[h].phase = asking; host[h].owner = 0
       :: host[h].phase == deleting -> host[h].phase = asking; host[h].owner = 0
       :: host[h].phase == running && answer == gone -> over(h)
       :: else -> skip
       fi }
  :: atomic { LOSS && !host[h].paused && host[h].awaits -> host[h].awaits = false }   /* stops waiting for a reply */
  :: atomic { !host[h].paused && host[h].phase == running -> let_go(h, 0) }
  :: atomic { !host[h].paused && (host[h].phase == asking || host[h].phase == looking || host[h].phase == deleting) -> over(h) }
  :: atomic { CRASH && host[h].phase != idle -> host[h].paused = false; over(h) }
  :: atomic { PAUSE && !host[h].paused && host[h].phase != idle -> host[h].paused = true }
  :: atomic { host[h].paused -> host[h].paused = false }
  od
}

/* --- an operator: dlock unlock --force, once --- */
#ifdef FORCE
active proctype Operator() {
  atomic { lock_owner != 0 && liveness[process_of(lock_owner)] > 0 && !lock_forced ->
#ifdef FORCE_DELETES   /* like a manual DEL */
    lock_owner = 0; lock_left = 0
#else
    lock_forced = true
#endif
  }
}
#endif

/* --- time --- */
#define due(h) (!is_peer(h) && !host[h].paused && \
                ((out_of_time(h) && (!host[h].engine_stopped || (front_acts(h) && host[h].late == FRONT_DELAY))) || \
                 (host[h].phase == dying && host[h].kill_left == 0)))
#if HOSTS == 2
#define nothing_is_due (!due(0) && !due(1))
#else
#define nothing_is_due (!due(0) && !due(1) && !due(2))
#endif

inline down(counter) { if :: counter > 0 -> counter-- :: counter == 0 fi }

inline pass(h) {
  if
  :: is_peer(h) -> skip
  :: !is_peer(h) ->
     if
     :: out_of_time(h) && host[h].late < FRONT_DELAY -> host[h].late++
     :: else -> skip
     fi;
     if :: host[h].phase == dying -> down(host[h].kill_left) :: host[h].phase != dying fi;
     if
#ifdef MONOTONIC   /* a clock that stops while the machine is suspended */
     :: host[h].paused -> skip
     :: !host[h].paused -> down(host[h].deadline); down(host[h].pending)
#else
     :: down(host[h].deadline); down(host[h].pending)
#if DRIFT > 0
     :: host[h].lost < DRIFT && host[h].pending_lost < DRIFT && (host[h].deadline > 0 || host[h].pending > 0) ->
        if :: host[h].deadline > 0 -> host[h].lost++ :: host[h].deadline == 0 fi;
        if :: host[h].pending > 0 -> host[h].pending_lost++ :: host[h].pending == 0 fi
#endif
#endif
     fi
  fi
}

active proctype Clock() {
  do
  :: atomic { nothing_is_due ->
       down(lock_left);
       if :: lock_left == 0 -> lock_owner = 0; lock_forced = false :: lock_left > 0 fi;
       i = 0;
       do :: i < PROCESSES -> down(liveness[i]); i++ :: i == PROCESSES -> break od;
       pass(0); pass(1)
#if HOSTS == 3
       ; pass(2)
#endif
     }
  od
}

init {
  atomic {
    i = 0;
    do
    :: i < HOSTS && is_peer(i) -> run Peer(i); run Network(i); i++
    :: i < HOSTS && !is_peer(i) -> run Dlock(i); run Network(i); i++
    :: i == HOSTS -> break
    od
  }
}
