/*
 * The raw ceilings without JavaScript: what the PKCS#11 module gives to threads that do nothing else, each on a
 * session and keys of its own, in the form in which the service signs with them (born, wrapped, unwrapped).
 *
 *   raw MODULE THREADS      makes a token in the module's first free slot, then reads commands from standard input:
 *   sign p256 500 3000      or unwrap, or rsa2048: 500 ms that do not count, 3000 ms that do
 *
 * Each command is answered with operations a second, all threads together, on a line of its own. Ends with its
 * input, or with a sentence on standard error.
 *
 *   cc -O2 -pthread -o raw raw.c -ldl
 *
 * Types and numbers: PKCS #11 v2.40, base specification, sections 3 to 5.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char byte;
typedef unsigned long ck_ulong;

enum { THREADS_MAX = 64, SLOTS_MAX = 16, BLOB_MAX = 4096, SIGNATURE_MAX = 512, LABEL_LENGTH = 32 };

#define CKF_OS_LOCKING_OK 0x02UL
#define CKF_RW_SESSION 0x02UL
#define CKF_SERIAL_SESSION 0x04UL
#define CKU_SO 0UL
#define CKU_USER 1UL
#define CKO_PRIVATE_KEY 3UL
#define CKK_RSA 0UL
#define CKK_EC 3UL
#define CKM_RSA_PKCS_KEY_PAIR_GEN 0x0000UL
#define CKM_RSA_PKCS 0x0001UL
#define CKM_EC_KEY_PAIR_GEN 0x1040UL
#define CKM_ECDSA 0x1041UL
#define CKM_AES_KEY_GEN 0x1080UL
#define CKM_AES_KEY_WRAP_PAD 0x210AUL
#define CKA_CLASS 0x000UL
#define CKA_TOKEN 0x001UL
#define CKA_PRIVATE 0x002UL
#define CKA_KEY_TYPE 0x100UL
#define CKA_SENSITIVE 0x103UL
#define CKA_DECRYPT 0x105UL
#define CKA_WRAP 0x106UL
#define CKA_UNWRAP 0x107UL
#define CKA_SIGN 0x108UL
#define CKA_SIGN_RECOVER 0x109UL
#define CKA_VERIFY 0x10AUL
#define CKA_DERIVE 0x10CUL
#define CKA_MODULUS_BITS 0x121UL
#define CKA_PUBLIC_EXPONENT 0x122UL
#define CKA_VALUE_LEN 0x161UL
#define CKA_EXTRACTABLE 0x162UL
#define CKA_MODIFIABLE 0x170UL
#define CKA_EC_PARAMS 0x180UL

typedef struct { ck_ulong type; void *value; ck_ulong length; } attribute;
typedef struct { ck_ulong mechanism; void *parameter; ck_ulong length; } mechanism;
typedef struct { void *create, *destroy, *lock, *unlock; ck_ulong flags; void *reserved; } initialize_args;

/* CK_FUNCTION_LIST up to C_UnwrapKey, its members in the standard's order; what is not called is only counted. */
typedef struct {
  byte version[2];
  ck_ulong (*initialize)(initialize_args *);
  ck_ulong (*finalize)(void *);
  void *get_info_to_get_function_list[2];
  ck_ulong (*get_slot_list)(byte token_present, ck_ulong *slots, ck_ulong *count);
  void *get_slot_info_to_get_mechanism_info[4];
  ck_ulong (*init_token)(ck_ulong slot, byte *pin, ck_ulong length, byte *label);
  ck_ulong (*init_pin)(ck_ulong session, byte *pin, ck_ulong length);
  void *set_pin;
  ck_ulong (*open_session)(ck_ulong slot, ck_ulong flags, void *application, void *notify, ck_ulong *session);
  void *close_session_to_set_operation_state[5];
  ck_ulong (*login)(ck_ulong session, ck_ulong user, byte *pin, ck_ulong length);
  ck_ulong (*logout)(ck_ulong session);
  void *create_object_to_copy_object[2];
  ck_ulong (*destroy_object)(ck_ulong session, ck_ulong object);
  void *get_object_size_to_digest_final[19];
  ck_ulong (*sign_init)(ck_ulong session, mechanism *, ck_ulong key);
  ck_ulong (*sign)(ck_ulong session, byte *data, ck_ulong length, byte *signature, ck_ulong *signature_length);
  void *sign_update_to_sign_recover[4];
  ck_ulong (*verify_init)(ck_ulong session, mechanism *, ck_ulong key);
  ck_ulong (*verify)(ck_ulong session, byte *data, ck_ulong length, byte *signature, ck_ulong signature_length);
  void *verify_update_to_decrypt_verify_update[8];
  ck_ulong (*generate_key)(ck_ulong session, mechanism *, attribute *template, ck_ulong count, ck_ulong *key);
  ck_ulong (*generate_key_pair)(ck_ulong session, mechanism *, attribute *public, ck_ulong public_count,
                                attribute *private, ck_ulong private_count, ck_ulong *public_key, ck_ulong *key);
  ck_ulong (*wrap_key)(ck_ulong session, mechanism *, ck_ulong wrapping, ck_ulong key, byte *blob, ck_ulong *length);
  ck_ulong (*unwrap_key)(ck_ulong session, mechanism *, ck_ulong unwrapping, byte *blob, ck_ulong length,
                         attribute *template, ck_ulong count, ck_ulong *key);
} function_list;

typedef struct { ck_ulong public, private, blob_length; byte blob[BLOB_MAX]; } key_pair;
/* What a thread owns, and what it is asked to do. */
typedef struct {
  ck_ulong session, master;
  key_pair keys[2]; /* P-256, RSA-2048 */
  int rsa, unwraps;
  double warm_up_ms, window_ms, per_second;
} lane;

static function_list *p11;
static byte yes = 1, no = 0;
static lane lanes[THREADS_MAX];

static void must(ck_ulong rv, const char *call) {
  if (rv == 0) return;
  fprintf(stderr, "%s: CKR 0x%lx\n", call, rv);
  _exit(1); /* other threads may be inside the module */
}

static double now_ms(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

/* DigestInfo of SHA-256 (RFC 8017 9.2, note 1), then a digest; ECDSA signs the digest alone. */
static byte digest_info[19 + 32] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03,
                                    0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20, 0xaa, 0x55};

static ck_ulong sign(lane *l, byte *signature) {
  mechanism how = {l->rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
  byte *data = l->rsa ? digest_info : digest_info + 19;
  ck_ulong length = SIGNATURE_MAX;
  must(p11->sign_init(l->session, &how, l->keys[l->rsa].private), "C_SignInit");
  must(p11->sign(l->session, data, l->rsa ? sizeof digest_info : 32, signature, &length), "C_Sign");
  return length;
}

/* As src/hsm/templates.ts has it: a session object that signs, and cannot be read. */
static ck_ulong unwrap(lane *l) {
  ck_ulong class = CKO_PRIVATE_KEY, type = l->rsa ? CKK_RSA : CKK_EC, key;
  attribute template[] = {
      {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, 1},
      {CKA_PRIVATE, &yes, 1},            {CKA_SENSITIVE, &yes, 1},           {CKA_EXTRACTABLE, &no, 1},
      {CKA_SIGN, &yes, 1},               {CKA_SIGN_RECOVER, &no, 1},         {CKA_DECRYPT, &no, 1},
      {CKA_UNWRAP, &no, 1},              {CKA_DERIVE, &no, 1},               {CKA_MODIFIABLE, &no, 1},
  };
  mechanism how = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
  key_pair *pair = &l->keys[l->rsa];
  must(p11->unwrap_key(l->session, &how, l->master, pair->blob, pair->blob_length, template,
                       sizeof template / sizeof *template, &key),
       "C_UnwrapKey");
  return key;
}

static void make_keys(lane *l) {
  static byte p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, f4[] = {1, 0, 1};
  ck_ulong bits = 2048, length = 32;
  mechanism aes = {CKM_AES_KEY_GEN, NULL, 0}, wrapping = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
  attribute secret[] = {{CKA_VALUE_LEN, &length, sizeof length}, {CKA_TOKEN, &no, 1}, {CKA_PRIVATE, &yes, 1},
                        {CKA_WRAP, &yes, 1}, {CKA_UNWRAP, &yes, 1}};
  must(p11->generate_key(l->session, &aes, secret, 5, &l->master), "C_GenerateKey");
  for (l->rsa = 0; l->rsa < 2; l->rsa++) {
    attribute ec_public[] = {{CKA_EC_PARAMS, p256, sizeof p256}, {CKA_TOKEN, &no, 1}, {CKA_VERIFY, &yes, 1}};
    attribute rsa_public[] = {{CKA_MODULUS_BITS, &bits, sizeof bits}, {CKA_PUBLIC_EXPONENT, f4, sizeof f4},
                              {CKA_TOKEN, &no, 1}, {CKA_VERIFY, &yes, 1}};
    attribute private[] = {{CKA_TOKEN, &no, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1},
                           {CKA_EXTRACTABLE, &yes, 1}, {CKA_SIGN, &yes, 1}};
    mechanism generation = {l->rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    mechanism how = {l->rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
    key_pair *pair = &l->keys[l->rsa];
    byte signature[SIGNATURE_MAX];
    ck_ulong born;
    must(p11->generate_key_pair(l->session, &generation, l->rsa ? rsa_public : ec_public, l->rsa ? 4 : 3, private, 5,
                                &pair->public, &born),
         "C_GenerateKeyPair");
    pair->blob_length = sizeof pair->blob;
    must(p11->wrap_key(l->session, &wrapping, l->master, born, pair->blob, &pair->blob_length), "C_WrapKey");
    must(p11->destroy_object(l->session, born), "C_DestroyObject");
    pair->private = unwrap(l);
    ck_ulong signature_length = sign(l, signature);
    must(p11->verify_init(l->session, &how, pair->public), "C_VerifyInit");
    must(p11->verify(l->session, l->rsa ? digest_info : digest_info + 19, l->rsa ? sizeof digest_info : 32, signature,
                     signature_length),
         "C_Verify");
  }
}

static void operate(lane *l) {
  byte signature[SIGNATURE_MAX];
  if (l->unwraps) must(p11->destroy_object(l->session, unwrap(l)), "C_DestroyObject");
  else sign(l, signature);
}

static void *run(void *argument) {
  lane *l = argument;
  double started = now_ms() + l->warm_up_ms, elapsed;
  ck_ulong count = 0;
  while (now_ms() < started) operate(l);
  started = now_ms();
  do {
    operate(l);
    count++;
    elapsed = now_ms() - started;
  } while (elapsed < l->window_ms);
  l->per_second = count / (elapsed / 1e3);
  return NULL;
}

static void open_token(ck_ulong *slot) {
  byte so_pin[] = "12345678", label[LABEL_LENGTH];
  ck_ulong slots[SLOTS_MAX], count = SLOTS_MAX, session;
  memset(label, ' ', sizeof label);
  memcpy(label, "bench", 5);
  must(p11->get_slot_list(1, slots, &count), "C_GetSlotList");
  must(p11->init_token(slots[count - 1], so_pin, 8, label), "C_InitToken");
  count = SLOTS_MAX; /* a token's slot changes when it is initialised; the free one comes last */
  must(p11->get_slot_list(1, slots, &count), "C_GetSlotList");
  *slot = slots[0];
  must(p11->open_session(*slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
  must(p11->login(session, CKU_SO, so_pin, 8), "C_Login");
  must(p11->init_pin(session, so_pin, 8), "C_InitPIN");
  must(p11->logout(session), "C_Logout");
  must(p11->login(session, CKU_USER, so_pin, 8), "C_Login");
}

int main(int argc, char **argv) {
  int threads = argc == 3 ? atoi(argv[2]) : 0;
  if (threads < 1 || threads > THREADS_MAX) return fprintf(stderr, "usage: raw MODULE THREADS (1 to 64)\n"), 1;
  void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) return fprintf(stderr, "%s\n", dlerror()), 1;
  ck_ulong (*get_function_list)(function_list **);
  *(void **)&get_function_list = dlsym(module, "C_GetFunctionList");
  if (get_function_list == NULL) return fprintf(stderr, "%s is not a PKCS#11 module\n", argv[1]), 1;
  must(get_function_list(&p11), "C_GetFunctionList");
  initialize_args args = {.flags = CKF_OS_LOCKING_OK};
  must(p11->initialize(&args), "C_Initialize");

  ck_ulong slot;
  open_token(&slot);
  for (int i = 0; i < threads; i++) {
    must(p11->open_session(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &lanes[i].session), "C_OpenSession");
    make_keys(&lanes[i]);
  }

  char operation[16], algorithm[16];
  double warm_up_ms, window_ms;
  while (scanf("%15s %15s %lf %lf", operation, algorithm, &warm_up_ms, &window_ms) == 4) {
    pthread_t running[THREADS_MAX];
    double sum = 0;
    for (int i = 0; i < threads; i++) {
      lane *l = &lanes[i];
      l->rsa = strcmp(algorithm, "rsa2048") == 0;
      l->unwraps = strcmp(operation, "unwrap") == 0;
      l->warm_up_ms = warm_up_ms;
      l->window_ms = window_ms;
      if (pthread_create(&running[i], NULL, run, l) != 0) return fprintf(stderr, "no thread\n"), 1;
    }
    for (int i = 0; i < threads; i++) {
      pthread_join(running[i], NULL);
      sum += lanes[i].per_second;
    }
    printf("%.1f\n", sum);
    fflush(stdout);
  }
  p11->finalize(NULL);
  return 0;
}
