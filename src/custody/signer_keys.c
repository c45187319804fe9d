/*
 * signer_keys.c
 *		See signer_keys.h.  Runs in the signer worker only.
 */
#include "postgres.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "core/settings.h"
#include "custody/key_store.h"
#include "custody/signer_keys.h"
#include "storage/ipc.h"

/* All that is secret in this process. */
typedef struct Vault
{
	uint8		master[SEAL_KEY_LENGTH];
	uint8		wrap[SEAL_KEY_LENGTH];
	uint8		data_key[SEAL_KEY_LENGTH];
	uint8		private_key[SEAL_KEY_LENGTH];
	uint8		scratch[MASTER_KEY_SCRATCH];
} Vault;

static Vault *vault = NULL;

/* What is in the vault: not secret. */
static bool loaded = false;
static char loaded_path[MAXPGPATH];
static struct timespec loaded_changed;
static uint8 check_value[32];
static int	master_version = 1;

#define VAULT_SIZE 4096

static void
vault_wipe(int code, Datum argument)
{
	(void) code;
	(void) argument;
	if (vault != NULL)
		seal_wipe(vault, sizeof(Vault));
	loaded = false;
}

void
signer_keys_init(void)
{
	void	   *page;

	StaticAssertStmt(sizeof(Vault) <= VAULT_SIZE, "the vault must fit its page");

	/*
	 * No core dumps, and no debugger but root's: gdb and perf of the server's
	 * own user can't attach to the signer any more, and the kernel makes its
	 * /proc files root's.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		ereport(WARNING,
				(errmsg("could not switch off core dumps of the signer: %m")));

	page = mmap(NULL, VAULT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not get memory for keys: %m")));
	if (mlock(page, VAULT_SIZE) != 0)
		ereport(WARNING,
				(errmsg("could not lock the signer's keys in memory: %m"),
				 errdetail("They could be written to swap space."),
				 errhint("Raise the limit of locked memory (ulimit -l) of the server's user.")));
	(void) madvise(page, VAULT_SIZE, MADV_DONTDUMP);
	(void) madvise(page, VAULT_SIZE, MADV_WIPEONFORK);
	vault = page;
	on_proc_exit(vault_wipe, (Datum) 0);
}

/* Is the file still the one that was read? */
static bool
still_loaded(void)
{
	struct stat status;

	return loaded && strcmp(loaded_path, dalp_sign_key_file) == 0 &&
		stat(loaded_path, &status) == 0 &&
		status.st_ctim.tv_sec == loaded_changed.tv_sec &&
		status.st_ctim.tv_nsec == loaded_changed.tv_nsec;
}

static bool
load(KeyProblem *problem)
{
	struct stat status;

	vault_wipe(0, (Datum) 0);
	if (dalp_sign_key_file != NULL && stat(dalp_sign_key_file, &status) == 0)
		loaded_changed = status.st_ctim;
	if (!master_key_read("sign", dalp_sign_key_file, vault->master, vault->scratch, problem))
		return false;
	if (!seal_derive(vault->master, "dalp sign wrap v1", vault->wrap) ||
		!seal_check_value(vault->master, "sign", check_value))
	{
		vault_wipe(0, (Datum) 0);
		return key_problem_set(problem, "See the server's log.", "the sign master key is not available",
							   "Deriving keys from it failed in the cryptographic library.");
	}
	strlcpy(loaded_path, dalp_sign_key_file, sizeof(loaded_path));
	loaded = true;
	return true;
}

bool
signer_keys_ready(KeyProblem *problem)
{
	MasterKeyRow row;

	if (!still_loaded() && !load(problem))
		return false;
	if (!key_store_find_master("sign", &row))
	{
		master_version = 1;
		return true;
	}
	if (!seal_equal(row.check_value, check_value, sizeof(check_value)))
	{
		vault_wipe(0, (Datum) 0);
		return key_problem_set(problem,
							   "Put the key file back that this database was used with first.",
							   "the sign master key is not available",
							   "The key in file \"%s\" is another one than this database's keys are sealed with.",
							   loaded_path);
	}
	master_version = row.version;
	return true;
}

int
signer_keys_master_version(void)
{
	return master_version;
}

const uint8 *
signer_keys_check_value(void)
{
	return check_value;
}

/*
 * What a sealed text belongs to.  The address stands for the wallet: it is
 * unique, and known before the wallet's row is.
 */
static void
identity_write(char *out, size_t size, const char *what, const SealedKey *key)
{
	char		address[ADDRESS_TEXT_SIZE];

	address_write(key->address, address);
	snprintf(out, size, "dalp %s %s key %d master %d", what, address, key->version, key->master_version);
}

bool
signer_keys_create(SealedKey *key, KeyProblem *problem)
{
	char		identity[128];
	bool		done = false;

	Assert(loaded);
	key->version = 1;
	key->master_version = master_version;

	/* All but 2^-128 of all 32 bytes are keys; a generator that gives none twice is broken. */
	if ((seal_random(vault->private_key, SEAL_KEY_LENGTH) && signature_key_valid(vault->private_key)) ||
		(seal_random(vault->private_key, SEAL_KEY_LENGTH) && signature_key_valid(vault->private_key)))
	{
		done = seal_random(vault->data_key, SEAL_KEY_LENGTH) &&
			signature_key_address(vault->private_key, key->address);
		if (done)
		{
			identity_write(identity, sizeof(identity), "private", key);
			done = seal_encrypt(vault->data_key, identity, vault->private_key, SEAL_KEY_LENGTH, key->sealed_key);
		}
		if (done)
		{
			identity_write(identity, sizeof(identity), "data", key);
			done = seal_encrypt(vault->wrap, identity, vault->data_key, SEAL_KEY_LENGTH, key->wrapped_data_key);
		}
	}
	seal_wipe(vault->private_key, SEAL_KEY_LENGTH);
	seal_wipe(vault->data_key, SEAL_KEY_LENGTH);
	if (!done)
		return key_problem_set(problem, "See the server's log.", "could not make a private key",
							   "The random generator or the cryptographic library failed.");
	return true;
}

bool
signer_keys_sign(const SealedKey *key, int count, const uint8 (*hashes)[32],
				 EvmSignature *signatures, bool *tampered, KeyProblem *problem)
{
	char		identity[128];
	uint8		address[ADDRESS_LENGTH];
	Problem		failure;
	bool		done;

	Assert(loaded);
	identity_write(identity, sizeof(identity), "data", key);
	done = seal_decrypt(vault->wrap, identity, key->wrapped_data_key, SEALED_KEY_LENGTH, vault->data_key);
	if (done)
	{
		identity_write(identity, sizeof(identity), "private", key);
		done = seal_decrypt(vault->data_key, identity, key->sealed_key, SEALED_KEY_LENGTH, vault->private_key);
	}
	done = done && signature_key_address(vault->private_key, address) &&
		memcmp(address, key->address, ADDRESS_LENGTH) == 0;
	*tampered = !done;

	failure.message[0] = failure.where[0] = '\0';
	for (int i = 0; done && i < count; i++)
		done = signature_sign(hashes[i], vault->private_key, &signatures[i], &failure);

	seal_wipe(vault->private_key, SEAL_KEY_LENGTH);
	seal_wipe(vault->data_key, SEAL_KEY_LENGTH);
	if (*tampered)
		return key_problem_set(problem, "Restore the wallet's row in dalp_custody.key from a backup.",
							   "the wallet's key does not unseal",
							   "The sealed key is damaged, or belongs to another wallet or master key.");
	if (!done)
		return key_problem_set(problem, "See the server's log.", "could not sign", "%s", failure.message);
	return true;
}
