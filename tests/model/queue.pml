/* The waiters for one lock on Redis: queue.lua, acquire.lua and the timers of a waiter.
 *
 * Checked: no run passes a live, subscribed waiter (assert), and every live waiter eventually gets
 * the lock (`served`, under weak fairness), whichever processes die or are stopped at any time.
 * lock.pml checks that no two have it at once; here each decision of the server is immediate.
 *
 * There are no ticks. The effect of a timer can come at any time, and comes eventually.
 */
#ifndef WAITERS
#define WAITERS 3
#endif

mtype:phase = { away, waiting, holding, done, stopped, dead };
mtype:phase phase[WAITERS] = away;

/* The server. Names of waiters are 1 ... WAITERS; 0 is none. */
byte holder;
bool holder_lives;           /* its liveness exists */
byte queue[WAITERS];         /* the first waiter first */
bool has_place[WAITERS];     /* its place has not expired */
bool hears[WAITERS];         /* its channel is subscribed */
bool called[WAITERS];        /* a wake-up is in its socket */
hidden byte first, i, j;

#define me (w + 1)

inline leaves_queue(who) {
  i = 0; j = 0;
  do
  :: i < WAITERS && queue[i] != who -> queue[j] = queue[i]; i++; j++
  :: i < WAITERS && queue[i] == who -> i++
  :: i == WAITERS -> break
  od;
  do :: j < WAITERS -> queue[j] = 0; j++ :: j == WAITERS -> break od;
  has_place[who - 1] = false
}
inline joins_queue(who) {
  i = 0;
  do
  :: i < WAITERS && queue[i] != 0 && queue[i] != who -> i++
  :: else -> break
  od;
  queue[i] = who;
  has_place[who - 1] = true
}
inline find_first() {
  do
  :: queue[0] != 0 && !has_place[queue[0] - 1] -> first = queue[0]; leaves_queue(first)
  :: else -> break
  od;
  first = queue[0]
}
/* Wakes the first waiter, unless that is `but`; `first` is the one that received it, or 0. */
inline call_first(but) {
  do
  :: find_first();
     if
     :: first == 0 || first == but -> first = 0; break
     :: first != 0 && first != but && hears[first - 1] -> called[first - 1] = true; break
     :: first != 0 && first != but && !hears[first - 1] -> leaves_queue(first)
     fi
  od
}

inline judge_order(w) {
  i = 0;
  do
  :: i < WAITERS && queue[i] != 0 && queue[i] != me ->
     assert(!(has_place[queue[i] - 1] && hears[queue[i] - 1] && phase[queue[i] - 1] == waiting)); i++
  :: else -> break
  od
}

inline acquire(w) {
  first = 0;
  if
  :: holder != 0 && holder_lives -> first = holder
#ifdef BARGE
  :: !(holder != 0 && holder_lives) -> first = 0
#else
  :: !(holder != 0 && holder_lives) -> call_first(me)
#endif
  fi;
  if
  :: first != 0 -> find_first(); joins_queue(me); phase[w] = waiting
  :: first == 0 ->
     judge_order(w);
     leaves_queue(me);
     holder = me; holder_lives = true; phase[w] = holding; hears[w] = false; called[w] = false
     /* The reply tells the next waiter when to check again, which is its timer. */
  fi
}

active [WAITERS] proctype Waiter() {
  byte w = _pid;
  do
  /* First the subscription, then the ticket. */
  :: d_step { phase[w] == away -> hears[w] = true; acquire(w) }
  :: d_step { phase[w] == waiting && called[w] -> called[w] = false; acquire(w) }
#ifndef NO_TIMER
  :: d_step { phase[w] == waiting -> acquire(w) }
#endif
  :: d_step { phase[w] == holding ->
       if
       :: holder == me -> holder = 0; call_first(0)
       :: holder != me -> skip
       fi;
       phase[w] = done }
  :: phase[w] == done || phase[w] == dead -> break
  od
}

/* It dies, and its connection is closed. Or it is stopped or cut off, and the server does not notice. */
active [WAITERS] proctype Fate() {
  byte w = _pid - WAITERS;
  if
  :: d_step { phase[w] == waiting || phase[w] == holding -> phase[w] = dead; hears[w] = false; called[w] = false }
  :: d_step { phase[w] == waiting || phase[w] == holding -> phase[w] = stopped }
  :: d_step { phase[w] == waiting -> called[w] = false }   /* a wake-up is lost with its connection */
  :: true
  fi
}

/* Keys that are not renewed expire. */
active [WAITERS] proctype Expiry() {
  byte w = _pid - 2 * WAITERS;
  do
#ifndef NO_EXPIRY
  :: d_step { has_place[w] && (phase[w] == stopped || phase[w] == dead) -> has_place[w] = false }
#endif
  :: d_step { holder == me && holder_lives && (phase[w] == stopped || phase[w] == dead) -> holder_lives = false }
  od
}

#define is_served(w) (phase[w] == done || phase[w] == dead || phase[w] == stopped)
ltl served { <> (is_served(0) && is_served(1) && is_served(2)) }
