/*
 * Makes the AES-256 master key with CKA_UNWRAP_TEMPLATE, which the JavaScript binding cannot set (an array of
 * attributes that point to their values). With it, whoever holds PIN and database still cannot unwrap a subscriber
 * key into a readable one: the module refuses every unwrap template but {SENSITIVE, not EXTRACTABLE, PRIVATE}.
 *
 *   master-key MODULE TOKEN_LABEL KEY_LABEL     the user PIN is the first line of standard input
 *
 * Does nothing when a secret key with this label exists. Exit status: 0 the key exists now; 3 the module cannot set
 * the template; 1 anything else, with a sentence on standard error. Run by src/hsm/master-key.ts under its lock.
 *
 *   cc -O2 -o build/softhsm/master-key softhsm/master-key.c -ldl
 *
 * Types and numbers: PKCS #11 v2.40, base specification, sections 3 and 4. Nothing but libc is needed.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char byte;
typedef unsigned long ck_ulong;

enum { PIN_MAX = 255, LABEL_LENGTH = 32, SLOTS_MAX = 256 };

#define CKR_OK 0x00UL
#define CKR_ATTRIBUTE_TYPE_INVALID 0x12UL
#define CKR_ATTRIBUTE_VALUE_INVALID 0x13UL
#define CKR_TEMPLATE_INCOMPLETE 0xD0UL
#define CKR_TEMPLATE_INCONSISTENT 0xD1UL
#define CKF_OS_LOCKING_OK 0x02UL
#define CKF_RW_SESSION 0x02UL
#define CKF_SERIAL_SESSION 0x04UL
#define CKU_USER 1UL
#define CKO_SECRET_KEY 4UL
#define CKK_AES 0x1FUL
#define CKM_AES_KEY_GEN 0x1080UL
#define CKM_AES_KEY_WRAP_PAD 0x210AUL

#define CKA_CLASS 0x000UL
#define CKA_TOKEN 0x001UL
#define CKA_PRIVATE 0x002UL
#define CKA_LABEL 0x003UL
#define CKA_KEY_TYPE 0x100UL
#define CKA_ID 0x102UL
#define CKA_SENSITIVE 0x103UL
#define CKA_ENCRYPT 0x104UL
#define CKA_DECRYPT 0x105UL
#define CKA_WRAP 0x106UL
#define CKA_UNWRAP 0x107UL
#define CKA_SIGN 0x108UL
#define CKA_VERIFY 0x10AUL
#define CKA_DERIVE 0x10CUL
#define CKA_VALUE_LEN 0x161UL
#define CKA_EXTRACTABLE 0x162UL
#define CKA_MODIFIABLE 0x170UL
#define CKA_COPYABLE 0x171UL
#define CKA_DESTROYABLE 0x172UL
#define CKA_UNWRAP_TEMPLATE 0x40000212UL
#define CKA_ALLOWED_MECHANISMS 0x40000600UL

typedef struct { ck_ulong type; void *value; ck_ulong length; } attribute;
typedef struct { ck_ulong mechanism; void *parameter; ck_ulong length; } mechanism;
typedef struct { void *create, *destroy, *lock, *unlock; ck_ulong flags; void *reserved; } initialize_args;

/* Only the label is read; the rest is room for whatever the module writes, aligned as its numbers must be. */
typedef struct { _Alignas(ck_ulong) byte label[LABEL_LENGTH]; byte rest[512]; } token_info;

/* CK_FUNCTION_LIST up to C_GenerateKey, its members in the standard's order; what is not called is only counted. */
typedef struct {
  byte version[2];
  ck_ulong (*initialize)(initialize_args *);
  ck_ulong (*finalize)(void *);
  void *get_info_to_get_function_list[2];
  ck_ulong (*get_slot_list)(byte token_present, ck_ulong *slots, ck_ulong *count);
  void *get_slot_info;
  ck_ulong (*get_token_info)(ck_ulong slot, token_info *);
  void *get_mechanism_list_to_set_pin[5];
  ck_ulong (*open_session)(ck_ulong slot, ck_ulong flags, void *application, void *notify, ck_ulong *session);
  void *close_session_to_set_operation_state[5];
  ck_ulong (*login)(ck_ulong session, ck_ulong user, byte *pin, ck_ulong length);
  void *logout_to_set_attribute_value[7];
  ck_ulong (*find_objects_init)(ck_ulong session, attribute *template, ck_ulong count);
  ck_ulong (*find_objects)(ck_ulong session, ck_ulong *objects, ck_ulong limit, ck_ulong *count);
  ck_ulong (*find_objects_final)(ck_ulong session);
  void *encrypt_init_to_decrypt_verify_update[29];
  ck_ulong (*generate_key)(ck_ulong session, mechanism *, attribute *template, ck_ulong count, ck_ulong *key);
} function_list;

static function_list *p11;
static byte pin[PIN_MAX + 2];

/* Ends the program in an orderly way: the PIN is wiped, the module closed. */
static void leave(int status, const char *format, ...) {
  volatile byte *p = pin;
  for (size_t i = 0; i < sizeof pin; i++) p[i] = 0;
  if (format != NULL) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
  }
  if (p11 != NULL) p11->finalize(NULL);
  exit(status);
}

static void must(ck_ulong rv, const char *call) {
  if (rv != CKR_OK) leave(1, "%s: CKR 0x%lx", call, rv);
}

/* The slot whose token has this label, padded with blanks as the standard wants it (CK_TOKEN_INFO). */
static ck_ulong find_slot(const char *label) {
  byte padded[LABEL_LENGTH];
  ck_ulong slots[SLOTS_MAX], count = SLOTS_MAX;
  size_t length = strlen(label);
  if (length > LABEL_LENGTH) leave(1, "the token label is longer than %d octets", LABEL_LENGTH);
  memset(padded, ' ', sizeof padded);
  memcpy(padded, label, length);
  must(p11->get_slot_list(1, slots, &count), "C_GetSlotList");
  for (ck_ulong i = 0; i < count; i++) {
    token_info info;
    if (p11->get_token_info(slots[i], &info) == CKR_OK && memcmp(info.label, padded, sizeof padded) == 0)
      return slots[i];
  }
  leave(1, "no token is called %s", label);
  return 0;
}

static int key_exists(ck_ulong session, char *label) {
  ck_ulong class = CKO_SECRET_KEY, object, count = 0;
  attribute template[] = {
      {CKA_CLASS, &class, sizeof class},
      {CKA_LABEL, label, strlen(label)},
  };
  must(p11->find_objects_init(session, template, 2), "C_FindObjectsInit");
  must(p11->find_objects(session, &object, 1, &count), "C_FindObjects");
  must(p11->find_objects_final(session), "C_FindObjectsFinal");
  return count > 0;
}

static ck_ulong generate(ck_ulong session, char *label) {
  static byte yes = 1, no = 0;
  ck_ulong class = CKO_SECRET_KEY, type = CKK_AES, length = 32, allowed[] = {CKM_AES_KEY_WRAP_PAD}, key;
  attribute unwrapped[] = {
      {CKA_SENSITIVE, &yes, 1},
      {CKA_EXTRACTABLE, &no, 1},
      {CKA_PRIVATE, &yes, 1},
  };
  attribute template[] = {
      {CKA_CLASS, &class, sizeof class},
      {CKA_KEY_TYPE, &type, sizeof type},
      {CKA_VALUE_LEN, &length, sizeof length},
      {CKA_LABEL, label, strlen(label)},
      {CKA_ID, label, strlen(label)},
      {CKA_TOKEN, &yes, 1},
      {CKA_PRIVATE, &yes, 1},
      {CKA_SENSITIVE, &yes, 1},
      {CKA_EXTRACTABLE, &no, 1},
      {CKA_WRAP, &yes, 1},
      {CKA_UNWRAP, &yes, 1},
      {CKA_ENCRYPT, &no, 1},
      {CKA_DECRYPT, &no, 1},
      {CKA_SIGN, &no, 1},
      {CKA_VERIFY, &no, 1},
      {CKA_DERIVE, &no, 1},
      {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed},
      {CKA_UNWRAP_TEMPLATE, unwrapped, sizeof unwrapped},
      {CKA_COPYABLE, &no, 1},
      {CKA_DESTROYABLE, &no, 1},
      {CKA_MODIFIABLE, &no, 1}, /* last: SoftHSM refuses what follows it */
  };
  mechanism generation = {CKM_AES_KEY_GEN, NULL, 0};
  return p11->generate_key(session, &generation, template, sizeof template / sizeof *template, &key);
}

int main(int argc, char **argv) {
  if (argc != 4) leave(1, "usage: master-key MODULE TOKEN_LABEL KEY_LABEL < pin");
  if (fgets((char *)pin, sizeof pin, stdin) == NULL) leave(1, "no PIN on standard input");
  pin[strcspn((char *)pin, "\n")] = 0;

  void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (module == NULL) leave(1, "%s", dlerror());
  ck_ulong (*get_function_list)(function_list **);
  *(void **)&get_function_list = dlsym(module, "C_GetFunctionList");
  if (get_function_list == NULL) leave(1, "%s is not a PKCS#11 module", argv[1]);
  must(get_function_list(&p11), "C_GetFunctionList");

  initialize_args args = {.flags = CKF_OS_LOCKING_OK};
  must(p11->initialize(&args), "C_Initialize");
  ck_ulong session;
  must(p11->open_session(find_slot(argv[2]), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
       "C_OpenSession");
  must(p11->login(session, CKU_USER, pin, strlen((char *)pin)), "C_Login");
  if (key_exists(session, argv[3])) leave(0, NULL);

  ck_ulong rv = generate(session, argv[3]);
  if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID || rv == CKR_TEMPLATE_INCOMPLETE ||
      rv == CKR_TEMPLATE_INCONSISTENT)
    leave(3, "the module refuses the template: CKR 0x%lx", rv);
  must(rv, "C_GenerateKey");
  leave(0, NULL);
}
