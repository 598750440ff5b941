/*
 * banned: calls that are never right here, made into compile errors.  The build includes
 * this file in front of every source file of src/.
 *
 * Strings are sf_str and sf_buf; numbers are read and printed by base/num.h, which knows no
 * locale; a library does not print (SF_PROGRAM is set for src/cli).
 */
#ifndef SF_BASE_BANNED_H
#define SF_BASE_BANNED_H

#ifndef __ASSEMBLER__ /* the embedded data is an assembler file */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SF_BANNED(name) name##_is_banned_see_base_banned_h

#undef strcpy
#define strcpy(...) SF_BANNED(strcpy)
#undef stpcpy
#define stpcpy(...) SF_BANNED(stpcpy)
#undef strncpy
#define strncpy(...) SF_BANNED(strncpy)
#undef strcat
#define strcat(...) SF_BANNED(strcat)
#undef strncat
#define strncat(...) SF_BANNED(strncat)
#undef sprintf
#define sprintf(...) SF_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) SF_BANNED(vsprintf)
#undef sscanf
#define sscanf(...) SF_BANNED(sscanf)
#undef strtok
#define strtok(...) SF_BANNED(strtok)
#undef strtok_r
#define strtok_r(...) SF_BANNED(strtok_r)
#undef atoi
#define atoi(...) SF_BANNED(atoi)
#undef atol
#define atol(...) SF_BANNED(atol)
#undef atof
#define atof(...) SF_BANNED(atof)
#undef strtod
#define strtod(...) SF_BANNED(strtod)
#undef gmtime
#define gmtime(...) SF_BANNED(gmtime)
#undef localtime
#define localtime(...) SF_BANNED(localtime)
#undef ctime
#define ctime(...) SF_BANNED(ctime)
#undef asctime
#define asctime(...) SF_BANNED(asctime)
#undef system
#define system(...) SF_BANNED(system)
#undef alloca
#define alloca(...) SF_BANNED(alloca)
#ifndef SF_PROGRAM
#undef printf
#define printf(...) SF_BANNED(printf)
#undef vprintf
#define vprintf(...) SF_BANNED(vprintf)
#undef puts
#define puts(...) SF_BANNED(puts)
#undef putchar
#define putchar(...) SF_BANNED(putchar)
#endif

#endif
#endif
