-- Guards: keys in the formats of other wallets become the keys that those
-- wallets have, and whatever is wrong with them is DL006 with the place.
SET search_path TO dalp, public;

-- the two keystores of the definition of Web3 Secret Storage; the second is
-- one that OpenSSL's scrypt refuses
SELECT keystore_decrypt('{
	"crypto": {
		"cipher": "aes-128-ctr",
		"cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
		"ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
		"kdf": "pbkdf2",
		"kdfparams": {"c": 262144, "dklen": 32, "prf": "hmac-sha256", "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
		"mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
	},
	"id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
	"version": 3
}', 'testpassword');
SELECT keystore_decrypt('{
	"crypto": {
		"cipher": "aes-128-ctr",
		"cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
		"ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
		"kdf": "scrypt",
		"kdfparams": {"dklen": 32, "n": 262144, "r": 1, "p": 8, "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
		"mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"
	},
	"id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
	"version": 3
}', 'testpassword');

-- written by ethers: Crypto with a capital, an address, members in another order
\set ethers '{"address":"9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f","id":"33333333-3333-4333-b333-333333333333","version":3,"Crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"22222222222222222222222222222222"},"ciphertext":"182975bcf6ca880916b31fd813399cbec408e138fe63bef426d0d4352740c3bc","kdf":"scrypt","kdfparams":{"salt":"1111111111111111111111111111111111111111111111111111111111111111","n":1024,"dklen":32,"p":1,"r":8},"mac":"8e5bf1eb049bdda758583e34a921963312d26287c5daa75d1488268d21265f5e"}}'
SELECT keystore_decrypt(:'ethers', 'secret');
SELECT keystore_decrypt(jsonb_set(:'ethers', '{address}', '"0x9D8A62F656A8D1615C1294FD71E9CFB3E4855A4F"')::json, 'secret') = decode(repeat('46', 32), 'hex') AS with_prefix;

-- a key with a zero in front, of which the file has 31 bytes; a passphrase beyond ASCII
SELECT keystore_decrypt('{"version":3,"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"000102030405060708090a0b0c0d0e0f"},"ciphertext":"746e23a05e7ce91dd5f5982280e55ba61bedba28bb4a38cd8cf80d99070471","kdf":"pbkdf2","kdfparams":{"c":1,"dklen":32,"prf":"hmac-sha256","salt":"00000000000000000000000000000001"},"mac":"d2a4b5e89b759bed70444c5fa79e66f4c7b418693352549ca74b0c65ecc8633c"}}', U&'\00f6ffne dich');
SELECT keystore_decrypt(NULL, 'secret') IS NULL, keystore_decrypt(:'ethers', NULL) IS NULL;

-- the most work that is done
SELECT keystore_decrypt(jsonb_set(:'ethers', '{Crypto,kdfparams}', '{"salt": "00", "n": 262144, "r": 8, "p": 1, "dklen": 32}')::json, 'secret');
SELECT keystore_decrypt(jsonb_set(jsonb_set(:'ethers', '{Crypto,kdf}', '"pbkdf2"'), '{Crypto,kdfparams}', '{"salt": "", "c": 1000000, "prf": "hmac-sha256", "dklen": 64}')::json, 'secret');

-- which can be stopped, long before it is done
CREATE FUNCTION pg_temp.stopped(kdf text, parameters text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM dalp.keystore_decrypt(format('{"version":3,"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"000102030405060708090a0b0c0d0e0f"},"ciphertext":"00","mac":"f6fb30cc1b730535003494da6dc1da101c1ebbaa64b1178c99981eb2588cba83","kdf":"%s","kdfparams":%s}}', kdf, parameters)::json, 'x');
	RETURN 'not stopped';
EXCEPTION WHEN query_canceled THEN
	RETURN 'stopped';
END;
$$;
SET statement_timeout = '200ms';
SELECT pg_temp.stopped('scrypt', '{"salt": "00", "n": 262144, "r": 8, "p": 1, "dklen": 32}');
SELECT pg_temp.stopped('scrypt', '{"salt": "00", "n": 2, "r": 1, "p": 524288, "dklen": 32}');
-- (a tenth of a second, where the processor has instructions for SHA-256)
SET statement_timeout = '20ms';
SELECT pg_temp.stopped('pbkdf2', '{"salt": "00", "c": 1000000, "prf": "hmac-sha256", "dklen": 32}');
RESET statement_timeout;

-- refused, and why
SELECT keystore_decrypt(:'ethers', 'wrong');
SELECT keystore_decrypt(:'ethers', '');
CREATE FUNCTION pg_temp.refusal(path text[], value jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	keystore jsonb := '{"version":3,"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"000102030405060708090a0b0c0d0e0f"},"ciphertext":"746e23a05e7ce91dd5f5982280e55ba61bedba28bb4a38cd8cf80d99070471e1","kdf":"pbkdf2","kdfparams":{"c":1,"dklen":32,"prf":"hmac-sha256","salt":"00000000000000000000000000000001"},"mac":"f6fb30cc1b730535003494da6dc1da101c1ebbaa64b1178c99981eb2588cba83"}}';
	detail text;
BEGIN
	RETURN dalp.keystore_decrypt(jsonb_set(keystore, path, value)::json, U&'\00f6ffne dich');
EXCEPTION WHEN SQLSTATE 'DL006' THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', sqlerrm, detail);
END;
$$;
SELECT path, value, pg_temp.refusal(path, value) FROM (VALUES
	('{id}'::text[], 'null'::jsonb),
	('{address}', 'null'),
	('{address}', '"9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"'),
	('{address}', '"9d8a62f656a8d1615c1294fd71e9cfb3e4855a40"'),
	('{address}', '"9d8a"'),
	('{address}', '7'),
	('{version}', '"3"'),
	('{version}', '1'),
	('{version}', '4'),
	('{version}', 'null'),
	('{version}', '3.5'),
	('{Crypto}', '{}'),
	('{crypto}', 'null'),
	('{crypto}', '[]'),
	('{crypto,cipher}', '"aes-128-cbc"'),
	('{crypto,cipherparams}', 'null'),
	('{crypto,cipherparams,iv}', '"00"'),
	('{crypto,ciphertext}', '""'),
	('{crypto,ciphertext}', '"0"'),
	('{crypto,ciphertext}', '"zz"'),
	('{crypto,ciphertext}', to_jsonb(repeat('00', 33))),
	('{crypto,ciphertext}', to_jsonb(repeat('00', 32))),
	('{crypto,mac}', 'null'),
	('{crypto,mac}', '"00"'),
	('{crypto,kdf}', '"argon2"'),
	('{crypto,kdf}', 'null'),
	('{crypto,kdfparams}', '"x"'),
	('{crypto,kdfparams,prf}', '"hmac-sha512"'),
	('{crypto,kdfparams,salt}', '1'),
	('{crypto,kdfparams,dklen}', '16'),
	('{crypto,kdfparams,dklen}', '64'),
	('{crypto,kdfparams,c}', '0'),
	('{crypto,kdfparams,c}', '1000001'),
	('{crypto,kdfparams,c}', '10000001'),
	('{crypto,kdfparams,c}', '-1'),
	('{crypto,kdfparams,c}', '18446744073709551617'),
	('{crypto,kdfparams,c}', 'null')) AS cases (path, value);

-- costs of scrypt: no power of two, none, too many, and those whose product overflows
SELECT n, r, p, pg_temp.refusal('{crypto}', jsonb_build_object('cipher', 'aes-128-ctr', 'cipherparams', '{"iv": "000102030405060708090a0b0c0d0e0f"}'::jsonb,
	'ciphertext', repeat('00', 32), 'mac', repeat('00', 32), 'kdf', 'scrypt', 'kdfparams', jsonb_build_object('salt', '', 'dklen', 32, 'n', n, 'r', r, 'p', p)))
FROM (VALUES (2::numeric, 1::numeric, 1::numeric), (1, 1, 1), (0, 1, 1), (3, 1, 1), (2, 0, 1), (2, 1, 0), (4194304, 1, 1), (2, 1048577, 1), (2, 1, 1048577),
	(1073741824, 8, 1), (4294967296, 4294967296, 1), (2, 9223372036854775808, 1), (9223372036854775808, 2, 1), (18446744073709551616, 1, 1), (2, 1.5, 1)) AS costs (n, r, p);

-- a key of zero is none
SELECT keystore_decrypt('{"version":3,"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"000102030405060708090a0b0c0d0e0f"},"ciphertext":"322865e6183aaf5b93b3de64c6a31de05dabfc6efd0c7e8bcabe4bdf414237a7","kdf":"pbkdf2","kdfparams":{"c":1,"dklen":32,"prf":"hmac-sha256","salt":"00000000000000000000000000000001"},"mac":"6d4f21554bc979ad8ef730aba69f99f8096ceb83d04d0d6c2a53b47e31473314"}}', U&'\00f6ffne dich');
SELECT keystore_decrypt('[]', 'x');
SELECT keystore_decrypt('null', 'x');
SELECT keystore_decrypt('{}', 'x');

-- BIP-39: the first of its vectors, and Japanese ones (bip32JP), whose words
-- are separated by ideographic spaces and whose passphrase is far from normal
SELECT mnemonic_to_seed('abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about', 'TREZOR');
SELECT mnemonic_to_seed('あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あいこくしん　あおぞら', '㍍ガバヴァぱばぐゞちぢ十人十色')
	= '\xa262d6fb6122ecf45be09c50492b31f92e9beb7d9a845987a02cefda57a15f9c467a17872029a9e92299b5cbdf306e3a0ee620245cbd508959b6cb7ca637bd55' AS japanese_1,
	mnemonic_to_seed('そつう　れきだい　ほんやく　わかす　りくつ　ばいか　ろせん　やちん　そつう　れきだい　ほんやく　わかめ', '㍍ガバヴァぱばぐゞちぢ十人十色')
	= '\xaee025cbe6ca256862f889e48110a6a382365142f7d16f2b9545285b3af64e542143a577e9c144e101a6bdca18f8d97ec3366ebf5b088b1c1af9bc31346e60d9' AS japanese_2,
	mnemonic_to_seed('われる　われる　われる　われる　われる　われる　われる　われる　われる　われる　われる　ろんぶん', 'メートルガバヴァぱばぐゞちぢ十人十色')
	= '\x4cd2ef49b479af5e1efbbd1e0bdc117f6a29b1010211df4f78e2ed40082865793e57949236c43b9fe591ec70e5bb4298b8b71dc4b267bb96ed4ed282c8f7761c' AS japanese_4;
-- composed and decomposed texts are the same
SELECT mnemonic_to_seed(U&'\00e9l\00e8ve \212b \fb01', U&'\00c5') = mnemonic_to_seed(U&'e\0301le\0300ve A\030a fi', U&'A\030a') AS normal;
-- neither checksum nor words are judged, nothing is trimmed
SELECT mnemonic_to_seed('', '') = mnemonic_to_seed(' ', '') AS trimmed;
SELECT mnemonic_to_seed(NULL, '') IS NULL, mnemonic_to_seed('', NULL) IS NULL;
SELECT mnemonic_to_seed(repeat('a', 20000), '');
SELECT mnemonic_to_seed('', repeat('㍍', 5000));

-- BIP-32: its vectors 1 to 4 (the fifth is about serialised keys)
CREATE TEMPORARY TABLE vectors (vector int, seed bytea, path text, private_key text, chain_code text);
INSERT INTO vectors VALUES
	(1, '\x000102030405060708090a0b0c0d0e0f', 'm', 'e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35', '873dff81c02f525623fd1fe5167eac3a55a049de3d314bb42ee227ffed37d508'),
	(1, '\x000102030405060708090a0b0c0d0e0f', 'm/0''', 'edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea', '47fdacbd0f1097043b78c63c20c34ef4ed9a111d980047ad16282c7ae6236141'),
	(1, '\x000102030405060708090a0b0c0d0e0f', 'm/0''/1', '3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368', '2a7857631386ba23dacac34180dd1983734e444fdbf774041578e9b6adb37c19'),
	(1, '\x000102030405060708090a0b0c0d0e0f', 'm/0''/1/2''', 'cbce0d719ecf7431d88e6a89fa1483e02e35092af60c042b1df2ff59fa424dca', '04466b9cc8e161e966409ca52986c584f07e9dc81f735db683c3ff6ec7b1503f'),
	(1, '\x000102030405060708090a0b0c0d0e0f', 'm/0''/1/2''/2', '0f479245fb19a38a1954c5c7c0ebab2f9bdfd96a17563ef28a6a4b1a2a764ef4', 'cfb71883f01676f587d023cc53a35bc7f88f724b1f8c2892ac1275ac822a3edd'),
	(1, '\x000102030405060708090a0b0c0d0e0f', 'm/0''/1/2''/2/1000000000', '471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8', 'c783e67b921d2beb8f6b389cc646d7263b4145701dadd2161548a8b078e65e9e'),
	(2, '\xfffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542', 'm', '4b03d6fc340455b363f51020ad3ecca4f0850280cf436c70c727923f6db46c3e', '60499f801b896d83179a4374aeb7822aaeaceaa0db1f85ee3e904c4defbd9689'),
	(2, '\xfffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542', 'm/0', 'abe74a98f6c7eabee0428f53798f0ab8aa1bd37873999041703c742f15ac7e1e', 'f0909affaa7ee7abe5dd4e100598d4dc53cd709d5a5c2cac40e7412f232f7c9c'),
	(2, '\xfffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542', 'm/0/2147483647''', '877c779ad9687164e9c2f4f0f4ff0340814392330693ce95a58fe18fd52e6e93', 'be17a268474a6bb9c61e1d720cf6215e2a88c5406c4aee7b38547f585c9a37d9'),
	(2, '\xfffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542', 'm/0/2147483647''/1', '704addf544a06e5ee4bea37098463c23613da32020d604506da8c0518e1da4b7', 'f366f48f1ea9f2d1d3fe958c95ca84ea18e4c4ddb9366c336c927eb246fb38cb'),
	(2, '\xfffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542', 'm/0/2147483647''/1/2147483646''', 'f1c7c871a54a804afe328b4c83a1c33b8e5ff48f5087273f04efa83b247d6a2d', '637807030d55d01f9a0cb3a7839515d796bd07706386a6eddf06cc29a65a0e29'),
	(2, '\xfffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542', 'm/0/2147483647''/1/2147483646''/2', 'bb7d39bdb83ecf58f2fd82b6d918341cbef428661ef01ab97c28a4842125ac23', '9452b549be8cea3ecb7a84bec10dcfd94afe4d129ebfd3b3cb58eedf394ed271'),
	(3, '\x4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be', 'm', '00ddb80b067e0d4993197fe10f2657a844a384589847602d56f0c629c81aae32', '01d28a3e53cffa419ec122c968b3259e16b65076495494d97cae10bbfec3c36f'),
	(3, '\x4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be', 'm/0''', '491f7a2eebc7b57028e0d3faa0acda02e75c33b03c48fb288c41e2ea44e1daef', 'e5fea12a97b927fc9dc3d2cb0d1ea1cf50aa5a1fdc1f933e8906bb38df3377bd'),
	(4, '\x3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678', 'm', '12c0d59c7aa3a10973dbd3f478b65f2516627e3fe61e00c345be9a477ad2e215', 'd0c8a1f6edf2500798c3e0b54f1b56e45f6d03e6076abd36e5e2f54101e44ce6'),
	(4, '\x3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678', 'm/0''', '00d948e9261e41362a688b916f297121ba6bfb2274a3575ac0e456551dfd7f7e', 'cdc0f06456a14876c898790e0b3b1a41c531170aec69da44ff7b7265bfe7743b'),
	(4, '\x3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678', 'm/0''/1''', '3a2086edd7d9df86c3487a5905a1712a9aa664bce8cc268141e07549eaa8661d', 'a48ee6674c5264a237703fd383bccd9fad4d9378ac98ab05e6e7029b06360c0d');
SELECT vector, path, derived->>'private_key' = '0x' || private_key AS private_key, derived->>'chain_code' = '0x' || chain_code AS chain_code,
	(derived->>'address')::address = public_key_address(decode(substr(derived->>'public_key', 3), 'hex')) AS address
FROM vectors, LATERAL hd_derive(seed, path) AS derived ORDER BY vector, length(path);

-- all together, as wallets do it: the first account of a well-known mnemonic
SELECT jsonb_pretty(hd_derive(mnemonic_to_seed('test test test test test test test test test test test junk', ''), 'm/44''/60''/0''/0/0'));
SELECT hd_derive(NULL, 'm') IS NULL, hd_derive('\x', NULL) IS NULL;
SELECT hd_derive(decode(repeat('00', 16), 'hex'), 'm' || repeat('/0', 255)) ? 'private_key' AS deepest;

-- refused, and why
SELECT hd_derive(decode(repeat('00', 15), 'hex'), 'm');
SELECT hd_derive(decode(repeat('00', 65), 'hex'), 'm');
SELECT hd_derive(decode(repeat('00', 16), 'hex'), 'm' || repeat('/0', 256));
CREATE FUNCTION pg_temp.path_refusal(path text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM dalp.hd_derive('\x000102030405060708090a0b0c0d0e0f', path);
	RETURN 'taken';
EXCEPTION WHEN SQLSTATE 'DL006' THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', sqlerrm, detail);
END;
$$;
SELECT path, pg_temp.path_refusal(path) FROM unnest('{"",M,0,m/,m//0,/m,m0,m/0h,m/0H,m/-1,"m/ 0","m/0 ",m/a,m/0'''',m/0''0,m/'',m/2147483647'',m/2147483648,m/99999999999999999999999999,m/0/,m/00}'::text[]) AS path;

-- only superusers give keys in the open
CREATE ROLE dalp_regress_nobody;
SET ROLE dalp_regress_nobody;
SELECT dalp.keystore_decrypt('{}', '');
SELECT dalp.mnemonic_to_seed('', '');
SELECT dalp.hd_derive('\x', 'm');
RESET ROLE;
GRANT EXECUTE ON FUNCTION dalp.keystore_decrypt(json, text), dalp.mnemonic_to_seed(text, text), dalp.hd_derive(bytea, text) TO dalp_regress_nobody;
SET ROLE dalp_regress_nobody;
SELECT dalp.keystore_decrypt('{}', '');
SELECT dalp.mnemonic_to_seed('', '');
SELECT dalp.hd_derive('\x', 'm');
RESET ROLE;
DROP OWNED BY dalp_regress_nobody;
DROP ROLE dalp_regress_nobody;
